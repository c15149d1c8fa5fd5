"""Histories drawn as people draw them, one line for each process:

    a  |write 1    |      |read -> 2 |
    b      |write 2  ~
    c        |cas 1 2 -> False|   |write 3  !

A bar is a beginning or an end; ``~`` ends an operation of which nobody knows the end, ``!`` one that failed.
"""

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest

from simkit.observe.history import Operation

Drawn = Callable[[str], list[Operation]]


@pytest.fixture
def drawn() -> Drawn:
    return history_of


def history_of(picture: str) -> list[Operation]:
    operations = []
    for line in picture.splitlines():
        process = line.split()[0] if line.strip() else ""
        for match in re.finditer(r"\|([^|~!]*)([|~!])", line):
            given, _, came = match[1].strip().partition("->")
            function, *values = given.split()
            operations.append(
                Operation.past(
                    process,
                    function,
                    value_of(values),
                    value_of(came.split()),
                    began=match.start(),
                    ended=None if match[2] == "~" else match.end(),
                    outcome="fail" if match[2] == "!" else "ok",
                )
            )
    return operations


def value_of(words: list[str]) -> Any:
    """None, one value, or a pair or more as a tuple."""
    values = []
    for word in words:
        try:
            values.append(ast.literal_eval(word))
        except (ValueError, SyntaxError):
            values.append(word)
    return None if not values else values[0] if len(values) == 1 else tuple(values)
