"""A fleet: devices that wake at random times, draw when to wake again, and count what they have seen.

What is counted is device events: wake-ups. Every device wakes a given number of times, a minute apart on average.
Times are drawn as the run goes: a hundred million would not fit in memory beforehand. Those of a device are the same
in every row of the fleet, whatever its tick and order, and so is the time of the last of all; the nodes draw from their
own hosts' streams, as a node's author would.
"""

from dataclasses import dataclass

from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, ours, require_items

MEAN_S = 60.0


@dataclass(frozen=True)
class Population:
    """How many devices, and how often each of them wakes."""

    devices: int
    each: int

    @property
    def events(self) -> int:
        """All wake-ups."""
        return self.devices * self.each


def inputs(share: float, devices: int, events: int) -> Population:
    """Return a population, a share of it where a contender gets fewer."""
    return Population(max(1, int(devices * share)), max(1, events // devices))


def check(given: Population, outcome: Outcome, contender: Contender) -> None:
    """Every device woke as often as it should; the last one when the slowest of so many would."""
    require_items(outcome, given.events)
    if outcome.end_s is None or not outcome.end_s > given.each * MEAN_S / 2:
        raise WrongOutcome(f"ended at {outcome.end_s} s of virtual time, which is too early")


WORK = Work(
    name="fleet",
    title="devices that wake at random times and draw the next one",
    unit="events",
    baseline="simkit-c-nodes",
    cases=(
        Case(
            "a minute apart",
            {
                "small": {"devices": 300, "events": 1_500},
                "medium": {"devices": 1_000_000, "events": 10_000_000},
                "full": {"devices": 1_000_000, "events": 100_000_000},
            },
        ),
    ),
    contenders=(
        *ours("benchmarks.fleet.with_fleet:by_device", "a fleet; within a tick by number"),
        *ours("benchmarks.fleet.with_fleet:by_due", "a fleet; within a tick by the moments", suffix="-due"),
        *ours("benchmarks.fleet.with_nodes:prepare", "a host and a task each", suffix="-nodes", share=0.01),
        Contender("numpy-loop", "benchmarks.fleet.with_numpy:prepare", "yardstick: numpy's draws, a look each tick"),
    ),
    inputs=inputs,
    check=check,
)
