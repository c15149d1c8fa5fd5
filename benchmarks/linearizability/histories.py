"""The histories that porcupine is tested with, read from a folder that holds them with their verdicts.

``etcd_NNN.log`` is a register under Jepsen, ``cNN-ok.txt`` and ``cNN-bad.txt`` a key-value store.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simkit.checks import CompareAndSetRegister, KeyValue, Model
from simkit.observe.history import Operation

_LOG = re.compile(r"INFO\s+jepsen\.util - (\d+)\s+:(invoke|ok|fail|info)\s+:(\w+)\s*(.*)")
_MAP = re.compile(r'\{:process (\d+), :type :(\w+), :f :(\w+), :key "(.*)", :value (.*)\}')


@dataclass(frozen=True)
class PastHistory:
    """One file: its operations, their object, and whether they are linearizable."""

    name: str
    model: Model
    operations: tuple[Operation, ...]
    linearizable: bool


def present(folder: Path) -> bool:
    """Say whether the histories lie in that folder."""
    return (folder / "verdicts.json").exists()


def past_histories(folder: Path) -> Iterator[PastHistory]:
    """Read all of them, in order of their names."""
    verdicts = json.loads((folder / "verdicts.json").read_text())
    for path in sorted(folder.glob("etcd_*.log")):
        operations = tuple(_register(path.read_text().splitlines()))
        yield PastHistory(path.name, CompareAndSetRegister(), operations, verdicts[path.name])
    for path in sorted(folder.glob("c*.txt")):
        operations = tuple(_store(path.read_text().splitlines()))
        yield PastHistory(path.name, KeyValue(missing=""), operations, path.stem.endswith("-ok"))


def _register(lines: list[str]) -> Iterator[Operation]:
    begun: dict[str, tuple[int, str, Any]] = {}
    for place, line in enumerate(lines):
        match = _LOG.match(line)
        if not match:
            raise ValueError(f"not a line of a history: {line}")
        process, word, function, value = match.groups()
        if word == "invoke":
            begun[process] = (place, function, _number_or_pair(value))
            continue
        began, function, given = begun.pop(process)
        if word == "info":
            yield Operation.past(process, function, given, began=began)
            continue
        # A compare-and-set that failed has seen another value: it is an answer, not an operation that did not happen.
        came = _number_or_pair(value) if function == "read" else word == "ok" if function == "cas" else None
        yield Operation.past(process, function, given, came, began=began, ended=place)
    for process, (began, function, given) in begun.items():
        yield Operation.past(process, function, given, began=began)


def _number_or_pair(text: str) -> Any:
    if text in ("nil", ""):
        return None
    numbers = tuple(int(word) for word in text.strip("[]").split())
    return numbers if text.startswith("[") else numbers[0]


def _store(lines: list[str]) -> Iterator[Operation]:
    begun: dict[str, tuple[int, str, str, str | None]] = {}
    for place, line in enumerate(lines):
        match = _MAP.match(line)
        if not match:
            raise ValueError(f"not a line of a history: {line}")
        process, word, function, key, value = match.groups()
        text = None if value == "nil" else value.strip('"')
        if word == "invoke":
            begun[process] = (place, function, key, text)
            continue
        began, function, key, given = begun.pop(process)
        if function == "get":
            yield Operation.past(process, "get", key, text, began=began, ended=place)
        else:
            yield Operation.past(process, function, (key, given), began=began, ended=place)
