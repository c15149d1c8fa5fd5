"""A sweep over seeds: many short runs on all cores, whose results come back as they are ready.

A run is a small world of about 50 ms. The baseline is one process on one core that does them one after the other, so
that a perfect pool reaches the number of cores. Starting workers is set-up; the time is real time.
"""

from dataclasses import dataclass

from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, ours, require_items


@dataclass(frozen=True)
class Seeds:
    """The seeds, from 1 on."""

    count: int


def inputs(share: float, seeds: int) -> Seeds:
    """Return that many."""
    return Seeds(max(1, int(seeds * share)))


def check(given: Seeds, outcome: Outcome, contender: Contender) -> None:
    """Every seed gave its digest."""
    require_items(outcome, given.count)
    if 0 in outcome.order:
        raise WrongOutcome("a run gave no digest")


WORK = Work(
    name="sweep",
    title="seeds of a 50 ms run, on all cores",
    unit="runs",
    baseline="one-core",
    cases=(Case("short runs", {"small": {"seeds": 4}, "medium": {"seeds": 40}, "full": {"seeds": 1000}}),),
    contenders=(
        *ours("benchmarks.sweep.with_simkit:prepare", "simkit's pool of worker interpreters"),
        Contender("multiprocessing-fork", "benchmarks.sweep.with_multiprocessing:prepare", "fork, imap_unordered"),
        Contender("one-core", "benchmarks.sweep.one_core:prepare", "no pool"),
    ),
    inputs=inputs,
    check=check,
    pinned=False,
)
