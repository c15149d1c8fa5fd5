"""Marks for a solution: it is put through every case with seeds of its own, and each check gives its share of points.

Seeds and drawn settings follow from a secret and the student's name, so that they are the same on every machine, differ
between students, and are not known before. A run below the floor of work, and one in which the solution broke down,
gives no points for anything: what does nothing breaks nothing.

It deliberately counts runs, not seconds: a slow machine gives the same marks.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simkit.explore.pool import Pool
from simkit.kernel.worker import WorkerFailed
from simkit.language.problem import nearest_quoted
from simkit.observe.document import Document, read_document
from simkit.observe.moment import moment
from simkit.teaching.lesson import Case, Lesson, Rules, read_mapping
from simkit.teaching.part import SOURCE_BYTES_MAX
from simkit.teaching.trial import TRY

WORK = "work"
"""The name under which rules give points for the floor of work itself."""

SEED_BYTES = 6


@dataclass(frozen=True)
class Solution:
    """What a student hands in: the text of a part, or settings as PATH: VALUE."""

    name: str
    source: str = ""
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Planned:
    """One run of a case."""

    case: str
    number: int
    variant: str | None
    overrides: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Tried:
    """What one run came to.

    Attributes:
        held: of each check with points, whether it held.
        counts: whether the run counts at all; else `reason` says why not.
        told: of each check that did not hold, its first violation.
    """

    planned: Planned
    held: Mapping[str, bool]
    counts: bool
    reason: str
    told: Mapping[str, str]


def read_solution(path: Path, rules: Rules) -> Solution:
    """Read a solution; a ValueError says in words what it is not."""
    try:
        if path.stat().st_size > SOURCE_BYTES_MAX:
            raise ValueError(f"{path.name} is longer than {SOURCE_BYTES_MAX:,} bytes")
        if path.suffix == ".py":
            if not rules.part:
                raise ValueError("this lesson takes settings (a YAML file), no Python")
            return Solution(path.name, source=path.read_text(encoding="utf-8"))
        if path.suffix in (".yaml", ".yml"):
            return Solution(path.name, settings=_settings(read_mapping(path), rules))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}") from error
    raise ValueError(f"{path.name} is neither a Python file nor a YAML file")


def _settings(given: Mapping[str, Any], rules: Rules) -> tuple[tuple[str, str], ...]:
    if rules.settings is None:
        raise ValueError("this lesson takes no settings")
    chosen = given.get("set")
    if set(given) != {"set"} or not isinstance(chosen, dict):
        raise ValueError("a solution of settings is `set: {PATH: VALUE}` and nothing else")
    for path in chosen:
        if path not in rules.settings.allowed:
            near = nearest_quoted(str(path), rules.settings.allowed)
            there = f"nearest: {near}" if near else f"there are {', '.join(rules.settings.allowed)}"
            raise ValueError(f"`{path}` is not yours to set; {there}")
    return tuple((str(path), value_word(value)) for path, value in chosen.items())


def plan(rules: Rules, solution: Solution, student: str, secret: str) -> list[Planned]:
    """Return every run, in order."""
    return [
        _planned(rules, solution, name, case, number, f"{secret}\n{student}\n{name}\n{number}")
        for name, case in rules.cases.items()
        for number in range(rules.seeds)
    ]


def attempt(
    lesson: Lesson, solution: Solution, variant: str | None, seed: int, folder: Path, pool: Pool
) -> dict[str, Any]:
    """Run a solution once in the open, its files into a folder; return what `trial.try_solution` does."""
    rules = lesson.rules
    values = settings_of(rules, solution)
    call = {
        "scenario": lesson.scenario,
        "variant": variant,
        "overrides": [f"{path}={value_word(value)}" for path, value in values.items()],
        "seed": seed,
        "part": rules.part if solution.source else "",
        "source": solution.source,
        "file": solution.name,
        "folder": str(folder),
    }
    for _, answer in pool.map(TRY, [call]):
        if "raised" in answer:
            raise WorkerFailed(answer["raised"])
        if "result" in answer:
            return dict(answer["result"])
    return {"document": None, "failure": "it was interrupted"}


def settings_of(rules: Rules, solution: Solution) -> dict[str, Any]:
    """Return what is set where a solution runs: what goes with Python, or what is to be mended and the settings."""
    if solution.source or rules.settings is None:
        return dict(rules.given)
    return {**rules.settings.mends, **dict(solution.settings)}


def _planned(rules: Rules, solution: Solution, name: str, case: Case, number: int, words: str) -> Planned:
    values = settings_of(rules, solution) | case.set
    for path, choices in case.draw.items():
        values[path] = choices[number_from(f"{words}\n{path}") % len(choices)]
    overrides = tuple(f"{path}={value_word(value)}" for path, value in values.items())
    return Planned(name, number, case.variant, overrides, number_from(words))


def number_from(words: str) -> int:
    """Return a seed that follows from words."""
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:SEED_BYTES], "big")


def value_word(value: Any) -> str:
    """Return a setting's value as a scenario file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def tried(
    lesson: Lesson, solution: Solution, planned: Sequence[Planned], pool: Pool, systems: Sequence[str] = ()
) -> Iterator[Tried]:
    """Make every run and yield what it came to, in the order in which they end. WorkerFailed if one cannot be made."""
    rules = lesson.rules
    calls = [
        {
            "scenario": lesson.scenario,
            "variant": each.variant,
            "overrides": each.overrides,
            "seed": each.seed,
            "part": rules.part if solution.source else "",
            "source": solution.source,
            "file": solution.name,
            "systems": list(systems),
        }
        for each in planned
    ]
    for number, answer in pool.map(TRY, calls):
        if "raised" in answer:
            raise WorkerFailed(answer["raised"])
        if "result" in answer:
            result = answer["result"]
            document = None if result["document"] is None else read_document(result["document"].encode())
            yield _judged(rules, planned[number], document, result["failure"])


def _judged(rules: Rules, planned: Planned, document: Document | None, failure: str) -> Tried:
    names = [name for name in rules.points if name != WORK]
    if document is None or failure:
        return Tried(planned, dict.fromkeys(names, False), False, failure or "the run could not be made", {})
    found = {each.subject.split()[0]: each for each in document.expectations}
    held = {name: name in found and found[name].verdict == "pass" for name in names}
    told = {}
    for name in names:
        if name in found and not held[name]:
            first = found[name].violations[:1]
            where = f"{moment(first[0].time_ns)} {first[0].text}" if first else found[name].summary
            told[name] = where
    reason = _below(rules, document)
    if document.error:
        reason = f"the run is an error: {document.error.text}"
    return Tried(planned, held, not reason, reason, told)


def _below(rules: Rules, document: Document) -> str:
    """Return how a run missed the floor of work, "" if it did not."""
    floor = rules.floor
    done, asked = document.event_counts.get(floor.event, 0), document.event_counts.get(floor.of, 0)
    if asked and done >= float(floor.least) * asked:
        return ""
    return f"too little work: {done:,} {floor.event} for {asked:,} {floor.of}, {floor.least} needed"
