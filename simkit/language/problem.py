"""What is wrong with a scenario file, where, and how it was probably meant.

Everything the language refuses is one class, `ScenarioError`, and its text is for the person who wrote the file. It is
deliberately not a traceback, and never repeats pydantic's or PyYAML's own wording of a mistake it understands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

SHOWN_LENGTH = 60
COMPARED_LENGTH = 64
COMPARED_NAMES = 1000
SLIPS_MOST = 3


class Position(NamedTuple):
    """A place in a file; line and column count from 1. Line 0 means the source as a whole (a command-line option)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: where, what, and the nearest right spelling if there is one."""

    position: Position
    message: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f"; nearest: {self.nearest}" if self.nearest else ""
        return f"{self.position}: {self.message}{hint}"


class ScenarioError(Exception):
    """A scenario that is refused before anything runs; holds at least one problem, in file order."""

    def __init__(self, problems: Iterable[Problem] | Problem, shown: int = 20) -> None:
        listed = [problems] if isinstance(problems, Problem) else list(dict.fromkeys(problems))
        self.problems: tuple[Problem, ...] = tuple(sorted(listed, key=lambda problem: problem.position))
        self.shown = shown
        super().__init__(str(self))

    @property
    def file(self) -> str:
        return self.problems[0].position.file

    @property
    def line(self) -> int:
        return self.problems[0].position.line

    @property
    def column(self) -> int:
        return self.problems[0].position.column

    @property
    def message(self) -> str:
        return self.problems[0].message

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[: self.shown]]
        if len(self.problems) > self.shown:
            lines.append(f"... and {len(self.problems) - self.shown} more.")
        return "\n".join(lines).rstrip(".") + ". Nothing was run."


class Problems(list[Problem]):
    """Problems collected on the way; reading stops with the last one that would be shown."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def append(self, problem: Problem) -> None:
        """Note a problem; raises `ScenarioError` with all of them when there are enough."""
        super().append(problem)
        if len(self) >= self.most:
            raise ScenarioError(self, self.most)


class Refusal(ValueError):
    """A refusal that does not know its place yet; whoever holds the node turns it into a `Problem`."""

    def __init__(self, message: str, nearest: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.nearest = nearest

    def at(self, position: Position) -> Problem:
        return Problem(position, self.message, self.nearest)


def quoted(text: object) -> str:
    """`text` in backquotes, shortened and without control characters (the file may try to steer the terminal)."""
    shown = str(text)
    if len(shown) > SHOWN_LENGTH:
        shown = shown[: SHOWN_LENGTH - 3] + "..."
    return "`" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown) + "`"


def listed(names: Iterable[str], most: int = 8) -> str:
    """`a`, `b` and 5 more, for a message."""
    every = list(names)
    rest = len(every) - most
    return ", ".join(quoted(name) for name in every[:most]) + (f" and {rest} more" if rest > 0 else "")


def edit_distance(left: str, right: str, most: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment); anything above `most` comes back as `most + 1`.

    Only a band of `most` cells beside the diagonal is computed (Ukkonen, 1985).
    """
    far = most + 1
    if abs(len(left) - len(right)) > most:
        return far
    width = len(right) + 1
    before, above = [far] * width, [min(column, far) for column in range(width)]
    for row, letter in enumerate(left, 1):
        current = [far] * width
        if row <= most:
            current[0] = row
        for column in range(max(1, row - most), min(width, row + most + 1)):
            other = right[column - 1]
            cost = min(above[column] + 1, current[column - 1] + 1, above[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current[column] = min(cost, far)
        if min(current) == far:
            return far
        before, above = above, current
    return above[-1]


def nearest_name(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate closest to `word`, or None when none is close enough to be a slip of the pen."""
    if len(word) > COMPARED_LENGTH:
        return None
    folded = word.casefold()
    best: tuple[int, str] | None = None
    for candidate in islice(candidates, COMPARED_NAMES):
        other = candidate.casefold()[: COMPARED_LENGTH + SLIPS_MOST + 1]
        most = min(SLIPS_MOST, max(1, max(len(folded), len(other)) // 3))
        distance = edit_distance(folded, other, most)
        close = distance <= most
        if not close and min(len(folded), len(other)) > SLIPS_MOST and (folded in other or other in folded):
            close, distance = True, SLIPS_MOST + 1 + abs(len(folded) - len(other))
        if close and (best is None or (distance, candidate) < best):
            best = (distance, candidate)
    return best[1] if best else None


def nearest_quoted(word: str, candidates: Iterable[str]) -> str | None:
    """Like `nearest_name`, in backquotes, ready for `Problem.nearest`."""
    name = nearest_name(word, candidates)
    return quoted(name) if name else None
