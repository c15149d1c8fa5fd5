"""What a solution is worth, and the forms in which that is told: text, JSON, JUnit, and Gradescope's results.json.

Partial credit is by check: its points times the share of runs in which it held, rounded down, of the cases that put it
at risk. A run in which something broke that must hold gives points for what must hold alone; whoever breaks that even
once does not pass, whatever the points.

It deliberately tells no seeds: what a student is told must not give away what the next solution is put through.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from simkit.report.words import plain
from simkit.teaching.grading import WORK, Tried
from simkit.teaching.lesson import Lesson

REASONS_MAX = 3
"""Runs that gave nothing of which it is told why."""


@dataclass(frozen=True)
class Mark:
    """One check's points, and what they come from.

    Attributes:
        points, most: how many of how many.
        runs: of the cases that it is judged by; held: in how many of them it held; void: how many did not count.
        idle: in how many it held and gives nothing, because something broke that must hold.
        told: one run in which it broke.
    """

    name: str
    points: int
    most: int
    held: int
    runs: int
    void: int
    idle: int
    told: str

    @property
    def in_words(self) -> str:
        """One line."""
        broken = self.runs - self.held - self.void
        parts = [] if self.held < self.runs else [f"held in all {self.runs} runs"]
        if broken:
            parts.append(f"broke in {broken} of {self.runs} runs")
        if self.void:
            parts.append(f"{self.void} of {self.runs} runs do not count")
        if self.idle:
            which = "of those" if self.held == self.runs else "others"
            parts.append(f"nothing for {self.idle} {which}, in which something else broke that must hold")
        return ", ".join(parts) + (f"; {self.told}" if self.told else "")


@dataclass(frozen=True)
class Marks:
    """The marks of one solution.

    Attributes:
        passed: whether the points are enough and everything held that must.
        missing: what must hold and did not, with the number of runs, of all.
        reasons: how many runs did not count, and why the first of them did not.
    """

    lesson: str
    student: str
    solution: str
    marks: tuple[Mark, ...]
    needed: int
    missing: Mapping[str, int]
    reasons: tuple[str, ...]
    runs: int

    @property
    def points(self) -> int:
        return sum(mark.points for mark in self.marks)

    @property
    def most(self) -> int:
        return sum(mark.most for mark in self.marks)

    @property
    def passed(self) -> bool:
        return self.points >= self.needed and not self.missing

    @property
    def verdict(self) -> str:
        """One line."""
        told = f"{self.points} of {self.most} points ({self.needed} needed)"
        if self.passed:
            return f"PASSED: {told}"
        must = ", ".join(f"{name} ({count} of {self.runs} runs)" for name, count in self.missing.items())
        broke = f"what must hold in every run did not: {must}"
        if self.points >= self.needed:
            return f"NOT PASSED, though {told} are enough: {broke}"
        return f"NOT PASSED: {told}" + (f"; and {broke}" if must else "")


def marks_of(lesson: Lesson, student: str, solution: str, results: Sequence[Tried]) -> Marks:
    """Add up what the runs came to; their order does not matter."""
    ordered = sorted(results, key=lambda each: (list(lesson.rules.cases).index(each.planned.case), each.planned.number))
    marks = []
    for name, most in lesson.rules.points.items():
        runs = [each for each in ordered if each.planned.case in lesson.rules.judged.get(name, lesson.rules.cases)]
        held = [each for each in runs if _held(each, name)]
        first = next((each for each in runs if each.counts and not each.held.get(name, True)), None)
        told = "" if first is None else f"case {first.planned.case}: {first.told.get(name, '')}"
        # What is not safe gives nothing for being alive.
        worth = held if name in lesson.rules.must else [each for each in held if _safe(lesson, each)]
        points = most * len(worth) // max(1, len(runs))
        void, idle = sum(not each.counts for each in runs), len(held) - len(worth)
        marks.append(Mark(name, points, most, len(held), len(runs), void, idle, plain(told, 300)))
    lost = {name: sum(not _held(each, name) for each in ordered) for name in lesson.rules.must}
    missing = {name: count for name, count in lost.items() if count}
    void_runs = [each for each in ordered if not each.counts]
    reasons = [f"{len(void_runs)} of {len(ordered)} runs do not count"] if void_runs else []
    reasons += list(dict.fromkeys(f"case {each.planned.case}: {plain(each.reason, 300)}" for each in void_runs))[
        :REASONS_MAX
    ]
    needed = lesson.rules.needed
    return Marks(lesson.name, student, solution, tuple(marks), needed, missing, tuple(reasons), len(ordered))


def _held(run: Tried, name: str) -> bool:
    return run.counts and (name == WORK or run.held[name])


def _safe(lesson: Lesson, run: Tried) -> bool:
    return all(run.held[name] for name in lesson.rules.must)


def as_text(marks: Marks) -> str:
    """Return a table for a terminal."""
    who = f" · {plain(marks.student)}" if marks.student else ""
    wide = max(len(mark.name) for mark in marks.marks)
    lines = [f"lesson {marks.lesson} · {plain(marks.solution)}{who} · {marks.runs} hidden runs"]
    lines += [f"  {mark.points:>3} of {mark.most:<3} {mark.name:<{wide}}  {mark.in_words}" for mark in marks.marks]
    lines += [f"  note       {reason}" for reason in marks.reasons]
    return "\n".join([*lines, marks.verdict]) + "\n"


def as_data(marks: Marks) -> dict[str, Any]:
    """Return plain data."""
    return {
        "lesson": marks.lesson,
        "student": marks.student,
        "solution": marks.solution,
        "points": marks.points,
        "points_max": marks.most,
        "points_needed": marks.needed,
        "passed": marks.passed,
        "missing": dict(marks.missing),
        "runs": marks.runs,
        "marks": [
            {
                "name": mark.name,
                "points": mark.points,
                "points_max": mark.most,
                "held": mark.held,
                "runs": mark.runs,
                "told": mark.told,
            }
            for mark in marks.marks
        ],
        "reasons": list(marks.reasons),
    }


def as_json(marks: Marks) -> str:
    """Return one JSON document."""
    return json.dumps(as_data(marks), indent=2) + "\n"


def as_junit(marks: Marks) -> str:
    """Return JUnit XML: a test case for each check, failed unless it held in every run."""
    failures = sum(mark.held < mark.runs for mark in marks.marks)
    suite = Element("testsuite", name=f"lesson {marks.lesson}", tests=str(len(marks.marks)), failures=str(failures))
    suite.set("errors", "0")
    for mark in marks.marks:
        case = SubElement(suite, "testcase", classname=f"lessons.{marks.lesson}", name=mark.name)
        if mark.held < mark.runs:
            SubElement(case, "failure", message=mark.in_words).text = f"{mark.points} of {mark.most} points"
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def as_gradescope(marks: Marks) -> str:
    """Return what Gradescope's autograder reads as ``results.json``."""
    tests = [
        {
            "name": mark.name,
            "score": mark.points,
            "max_score": mark.most,
            "status": "passed" if mark.held == mark.runs else "failed",
            "output": mark.in_words,
        }
        for mark in marks.marks
    ]
    output = "\n".join([marks.verdict, *marks.reasons])
    return json.dumps({"score": marks.points, "output": output, "tests": tests}, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Marks], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "gradescope": as_gradescope,
}
