"""One run with a solution in it, in a worker: the world is the scenario's, one part of one node is the student's.

It deliberately judges nothing but whether the part answered: verdicts are the scenario's checks', marks are `marks`'.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from simkit.explore.run import Run, outline
from simkit.language.problem import ScenarioError
from simkit.language.scenario import load_scenario
from simkit.network.standard_library import install
from simkit.observe.document import Document, ExpectationEntry
from simkit.registry import Registry
from simkit.teaching.part import Part, PartFailed, stand_in, with_part

TRY = "simkit.teaching.trial:try_solution"
"""What a worker is asked to call."""


def try_solution(
    *,
    say: Callable[[dict[str, Any]], None],
    scenario: str,
    variant: str | None,
    overrides: Sequence[str],
    seed: int,
    part: str,
    source: str,
    file: str,
    systems: Sequence[str] = (),
    folder: str | None = None,
) -> dict[str, Any]:
    """Run a scenario; return the run document as JSON and what was wrong with the solution, "" if nothing was.

    Args:
        part: the exercise's name on the card, "" where the solution is settings alone.
        source: the solution's text. file: its name.
        folder: where the run's files go; without one the document is an outline.
    """
    install()
    registry = Registry(systems)
    try:
        resolved = load_scenario(scenario, variant=variant, overrides=overrides, seed=seed, registry=registry)
    except ScenarioError as error:
        if part:
            raise
        # Settings that do not fit each other, or the case.
        return {"document": None, "failure": str(error)}
    card = registry.card(resolved.system)
    place = None if folder is None else Path(folder)
    enclosed: Part | None = None
    try:
        if part:
            exercise, name = card.exercises[part], class_name(part)
            enclosed = Part(source, name, seed, file)
            card = with_part(card, exercise, stand_in(enclosed, name, exercise))
        run = Run(resolved, card, folder=place, trace="none" if place is None else "file")
        document = run.execute(
            lambda message: say({"progress": message}), None if enclosed is None else lambda: bool(enclosed.failure)
        )
    except PartFailed as failed:
        return {"document": None, "failure": str(failed)}
    finally:
        if enclosed is not None:
            enclosed.close()
    document = _wanted(document)
    if place is None:
        document = outline(document)
    return {"document": document.to_json().decode(), "failure": enclosed.failure if enclosed else ""}


def _wanted(document: Document) -> Document:
    """Return a document in which every check has to hold: what a variant declares to fail is what a solution mends."""
    wanted = tuple(each if each.declared == "holds" else _to_hold(each) for each in document.expectations)
    whole = document.verdict != "error" and all(each.as_declared for each in wanted)
    return replace(document, expectations=wanted, as_declared=whole)


def _to_hold(entry: ExpectationEntry) -> ExpectationEntry:
    text, holds = f"always {entry.subject}", entry.verdict == "pass"
    return replace(entry, kind="always", text=text, declared="holds", as_declared=holds)


def class_name(part: str) -> str:
    """Return what the student's class is called: ``vote_keeper`` is ``VoteKeeper``."""
    return "".join(word.capitalize() for word in part.split("_"))
