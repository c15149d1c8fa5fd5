"""Two runs of one system side by side: what was set differently, where their records part, which verdicts differ.

Runs part twice. The first record that differs at all may only carry another byte (a token that is now 0); where a host
first does something else, the courses of events part.

It deliberately guesses nothing: where a run kept no trace, or its trace left records out, that is said instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from simkit.language.problem import ScenarioError
from simkit.language.text import plain_of, read_bytes
from simkit.observe.document import Document, ExpectationEntry, read_document
from simkit.observe.trace import StoredTrace, TraceRecord
from simkit.report.course import Course, first_parting
from simkit.report.page import trace_beside
from simkit.report.words import plain, seed_words, title_of

CONTEXT = 3
"""Records before and after the first difference that are told."""

SCENARIO_BYTES_MAX = 1_000_000
_TOLD_ELSEWHERE = ("variants", "expect", "title")


@dataclass(frozen=True)
class Side:
    """One of the two runs: its folder and what lies in it."""

    folder: Path
    document: Document
    trace: StoredTrace | None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{title_of(self.document)} · seed {seed_words(self.document)}"

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Every value of the resolved scenario by its path; empty where the folder has none that can be read."""
        path = self.folder / "scenario.yaml"
        try:
            if path.stat().st_size > SCENARIO_BYTES_MAX:
                return {}
            return dict(_leaves(plain_of(read_bytes(path.read_bytes(), path.name))))
        except (OSError, ScenarioError):
            return {}

    def around(self, position: int, reach: int = CONTEXT) -> list[tuple[int, TraceRecord]]:
        """Return (index, record) of the records about a position, in order."""
        first = max(0, position - reach)
        return [] if self.trace is None else list(self.trace.records(first, position + reach + 1))


@dataclass(frozen=True)
class Parting:
    """A position at which two traces differ; a side is None where its run had ended."""

    position: int
    first: TraceRecord | None
    second: TraceRecord | None

    @property
    def time_ns(self) -> int:
        """The earlier of the two moments."""
        return min(record.time_ns for record in (self.first, self.second) if record is not None)


@dataclass(frozen=True)
class ExpectationPair:
    """One expectation in both runs; None where a run does not have it."""

    subject: str
    first: ExpectationEntry | None
    second: ExpectationEntry | None

    @property
    def differs(self) -> bool:
        """Whether the verdicts differ, or one run does not ask."""
        return None in (self.first, self.second) or self.words[0] != self.words[1]

    @property
    def words(self) -> tuple[str, str]:
        """Both verdicts; what is not expected says so."""
        first, second = ("not asked" if each is None else each.verdict for each in (self.first, self.second))
        return first, second


class Pair:
    """Two runs, compared.

    Attributes:
        first, second: the runs.
        bytes_part: where the records first differ in anything; None when they never do, or it is not known.
        course: where a host first does something else; None when none does, or it is not known.
        unknown: what cannot be told of these two, as sentences.
    """

    def __init__(self, first: Side, second: Side) -> None:
        self.first, self.second = first, second
        self.unknown: list[str] = []
        self.bytes_part: Parting | None = None
        self.course: Course | None = None
        if first.trace is None or second.trace is None:
            missing = [str(side.folder) for side in (first, second) if side.trace is None]
            self.unknown.append(f"no trace in {' and '.join(missing)}: the first event that differs is not known")
        else:
            self._part(first.trace, second.trace)

    @property
    def equal(self) -> bool:
        """Whether the two are the same run, byte for byte."""
        return self.first.document.digest == self.second.document.digest != ""

    def settings(self) -> list[tuple[str, str, str]]:
        """Return (path, one value, other value) of every setting that differs; "" where one has none."""
        one, other = self.first.settings, self.second.settings
        if not one or not other:
            changed = [set(side.document.changes) for side in (self.first, self.second)]
            named = {change.partition("=")[0]: ["", ""] for change in sorted(changed[0] ^ changed[1])}
            for place, changes in enumerate(changed):
                for change in sorted(changes & (changed[0] ^ changed[1])):
                    path, _, value = change.partition("=")
                    named[path][place] = value
            return [(plain(path), plain(a), plain(b)) for path, (a, b) in named.items()]
        paths = dict.fromkeys([*one, *other])
        return [
            (plain(path), plain(one.get(path, "")), plain(other.get(path, "")))
            for path in paths
            if one.get(path) != other.get(path)
        ]

    def expectations(self) -> list[ExpectationPair]:
        """Return every expectation of either run, in the order of the second; equal subjects belong together."""
        one = {each.subject: each for each in self.first.document.expectations}
        other = {each.subject: each for each in self.second.document.expectations}
        return [ExpectationPair(subject, one.get(subject), other.get(subject)) for subject in {**other, **one}]

    def _part(self, one: StoredTrace, other: StoredTrace) -> None:
        hashes, known = one.known_hashes()
        others, others_known = other.known_hashes()
        count = min(one.count, other.count)
        comparable = known[:count] & others_known[:count]
        differ = np.flatnonzero((hashes[:count] != others[:count]) & comparable)
        left_out = int(count - comparable.sum())
        if left_out:
            self.unknown.append(f"{left_out:,} records are in only one of the traces, or in neither: not compared")
        if differ.size == 0 and one.count == other.count:
            if not self.equal:
                self.unknown.append("every record that was kept is the same, but the digests are not")
            return
        position = int(differ[0]) if differ.size else count
        self.bytes_part = Parting(position, one.record(position), other.record(position))
        if self.bytes_part.first is None and self.bytes_part.second is None:
            self.bytes_part = None
            self.unknown.append(f"record {position:,} is the first that differs, and neither trace kept it")
            return
        try:
            self.course = first_parting(one, other, position)
        except ValueError as error:
            self.unknown.append(str(error))


def read_side(folder: Path) -> Side:
    """Read a run folder; a ValueError says in words what is wrong with it."""
    if not folder.exists():
        raise ValueError(f"{folder} does not exist; simkit run leaves a folder in runs/")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a run folder")
    path = folder / "run.json"
    if not path.is_file():
        inside = sorted(found.parent.as_posix() for found in folder.glob("*/run.json"))[:5]
        there = f"; there are runs in it: {', '.join(inside)}" if inside else ""
        raise ValueError(f"{folder} is not a run folder: it has no run.json{there}")
    return Side(folder, read_document(path), trace_beside(path))


def read_pair(first: Path, second: Path) -> Pair:
    """Read two run folders; a ValueError says in words why they cannot be compared."""
    one, other = read_side(first), read_side(second)
    if one.document.system != other.document.system:
        systems = f"{first} is of {plain(one.document.system)}, {second} of {plain(other.document.system)}"
        raise ValueError(f"two systems have nothing to compare: {systems}")
    return Pair(one, other)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every value that is no mapping; a list is one value."""
    if not isinstance(value, dict):
        yield path, _text(value)
        return
    for key, inside in value.items():
        if path or key not in _TOLD_ELSEWHERE:
            yield from _leaves(inside, f"{path}.{key}" if path else str(key))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_text(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_text(each)}' for key, each in value.items())}}}"
    return str(value)
