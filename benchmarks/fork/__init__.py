"""Ways to go on from one instant: a world that holds some memory is there already, and each branch goes on a little.

In the first case a branch only says where it stands; in the second it draws its own luck and goes on for one second of
virtual time. The baseline walks the whole way to the instant again for each branch. What counts is the processor time
of the process and its children, whose pages are copied while they run. Hosts keep items of about 120 bytes each.
"""

from dataclasses import dataclass

from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, ours, require_items


@dataclass(frozen=True)
class Branches:
    """How many branches of a world with so many items in memory."""

    count: int
    items: int
    goes_on: bool


def inputs(share: float, branches: int, items: int, goes_on: int) -> Branches:
    """Return that many; `goes_on` is 1 for branches that do something."""
    return Branches(max(1, int(branches * share)), items, bool(goes_on))


def check(given: Branches, outcome: Outcome, contender: Contender) -> None:
    """Branches that went on have a digest each; the others all stand at the same one."""
    require_items(outcome, given.count)
    if len(set(outcome.order)) != (given.count if given.goes_on else 1):
        raise WrongOutcome("branches gave other digests than they should")


def sizes(goes_on: int) -> dict[str, dict[str, int]]:
    """Return the parameters of a case: in all but the small one the process has about 120 MB."""
    small = {"branches": 2, "items": 10_000, "goes_on": goes_on}
    return {"small": small} | {
        size: {"branches": branches, "items": 500_000, "goes_on": goes_on}
        for size, branches in (("medium", 50), ("full", 200))
    }


WORK = Work(
    name="fork",
    title="branches of a world of 100 MB",
    unit="branches",
    baseline="replay",
    cases=(Case("only there", sizes(0)), Case("going on for 1 s", sizes(1))),
    contenders=(
        *ours("benchmarks.fork.with_forks:prepare", "the process is forked at the instant"),
        Contender("replay", "benchmarks.fork.with_replay:prepare", "the way to the instant is walked again", share=0.1),
    ),
    inputs=inputs,
    check=check,
)
