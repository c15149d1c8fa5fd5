"""Histories by hand: ``T("x:1 y?[1 2]")`` appends 1 to x and reads y as [1 2]; ``x=1`` writes a register."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simkit.checks.isolation import Judgement, MicroOperation, Transaction, judge_isolation

_STEP = re.compile(r"(\w+)(?:(:|=)(\w+)|\?(?:\[([\w ]*)\]|(\w+)?))")


@dataclass(frozen=True)
class T:
    """A transaction; without times all overlap."""

    steps: str
    status: Any = "committed"
    began: int = 0
    ended: int = 1_000
    process: str | None = None


def history(*given: T) -> list[Transaction]:
    """Return the transactions, each by a client of its own unless told otherwise."""
    made = []
    for index, each in enumerate(given):
        process = each.process or f"clients-{index}"
        ended = each.ended if each.status == "committed" else None
        steps = tuple(_steps(each.steps))
        made.append(Transaction(index, process, process, each.status, each.began, ended, each.began, ended, steps))
    return made


def judged(level: str, *given: T) -> Judgement:
    """Judge transactions by a level."""
    return judge_isolation(history(*given), level)


def kinds(found: Judgement) -> set[str]:
    """Return the kinds of all anomalies found."""
    return {each.kind for each in found.anomalies}


def _steps(text: str) -> Sequence[MicroOperation]:
    found = []
    assert not _STEP.sub("", text).strip(), text
    for key, how, value, elements, register in _STEP.findall(text):
        if how:
            found.append(MicroOperation("append" if how == ":" else "write", key, int(value)))
        elif "[" in text and not register:
            found.append(MicroOperation("read", key, tuple(int(each) for each in elements.split())))
        else:
            found.append(MicroOperation("read", key, int(register) if register else None))
    return found
