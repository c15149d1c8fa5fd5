"""Linearizability of porcupine's own histories: 60 of a register under faults, 4 of a key-value store.

An item is an operation of a history. Reading the files is set-up; building whatever a checker searches is timed. Every
verdict is compared with the known one. The baseline is porcupine itself, in Go, compiled beforehand.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.linearizability.histories import PastHistory, past_histories, present
from benchmarks.work import Case, Contender, Missing, Outcome, Work, WrongOutcome, require_items

FOLDER = Path(os.environ.get("PORCUPINE_HISTORIES", "porcupine"))


@dataclass(frozen=True)
class Histories:
    """What is to be judged, and how often."""

    histories: tuple[PastHistory, ...]
    repeat: int

    @property
    def items(self) -> int:
        """How many operations are judged."""
        return self.repeat * sum(len(each.operations) for each in self.histories)


def inputs(share: float, register: int, store: int, repeat: int) -> Histories:
    """Return so many histories of each kind; none where the files are absent."""
    every = tuple(past_histories(FOLDER)) if present(FOLDER) else ()
    registers = [each for each in every if each.name.startswith("etcd")][:register]
    stores = [each for each in every if not each.name.startswith("etcd")][:store]
    return Histories((*registers, *stores), max(1, round(repeat * share)))


def require_histories(given: Histories) -> None:
    """Raise Missing where there is nothing to judge."""
    if not given.histories:
        raise Missing(f"the histories of porcupine are not in {FOLDER}; name their folder in PORCUPINE_HISTORIES")


def check(given: Histories, outcome: Outcome, contender: Contender) -> None:
    """Every verdict is the known one."""
    require_items(outcome, given.items)
    for history, verdict in zip(given.histories, outcome.order, strict=True):
        if bool(verdict) != history.linearizable:
            raise WrongOutcome(f"{contender.name} says of {history.name} that it is{'' if verdict else ' not'} legal")


WORK = Work(
    name="linearizability",
    title="judging porcupine's histories",
    unit="operations",
    baseline="porcupine",
    cases=(
        Case(
            "all",
            {
                "small": {"register": 5, "store": 4, "repeat": 1},
                "medium": {"register": 60, "store": 4, "repeat": 3},
                "full": {"register": 60, "store": 4, "repeat": 20},
            },
        ),
        Case(
            "key-value store",
            {
                "small": {"register": 0, "store": 4, "repeat": 1},
                "medium": {"register": 0, "store": 4, "repeat": 100},
                "full": {"register": 0, "store": 4, "repeat": 1000},
            },
        ),
    ),
    contenders=(
        Contender("simkit-python", "benchmarks.linearizability.with_simkit:prepare", "simkit.checks.linearize"),
        Contender("porcupine", "benchmarks.linearizability.with_porcupine:prepare", "porcupine, in Go, on one core"),
    ),
    inputs=inputs,
    check=check,
)
