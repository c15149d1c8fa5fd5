"""Idle nodes: how much memory a node takes that waits for something that does not come.

Counted is the growth of the interpreter's resident memory from before the nodes are made until all of them wait,
divided by their number. The ratio is of nodes for each byte, so that more is better here as everywhere.
"""

from dataclasses import dataclass

from benchmarks.work import Case, Contender, Outcome, Work, ours, require_items


@dataclass(frozen=True)
class Nodes:
    """How many."""

    count: int


def inputs(share: float, nodes: int) -> Nodes:
    """Return that many."""
    return Nodes(max(1, int(nodes * share)))


def check(given: Nodes, outcome: Outcome, contender: Contender) -> None:
    """All of them wait."""
    require_items(outcome, given.count)


WORK = Work(
    name="idle_nodes",
    title="memory of a node that waits",
    unit="nodes",
    baseline="simpy",
    cases=(Case("waiting", {"small": {"nodes": 200}, "medium": {"nodes": 50_000}, "full": {"nodes": 1_000_000}}),),
    contenders=(
        *ours("benchmarks.idle_nodes.with_simkit:loops", "a loop and a task that waits"),
        *ours("benchmarks.idle_nodes.with_simkit:hosts", "a host: clock, cores, disk too", suffix="-host", share=0.5),
        Contender("simpy", "benchmarks.idle_nodes.with_simpy:prepare", "a process and a Store it waits for"),
        Contender("asyncio-one-loop", "benchmarks.idle_nodes.with_asyncio:one_loop", "a task, one loop for all"),
        Contender("asyncio-loop-each", "benchmarks.idle_nodes.with_asyncio:loop_each", "a task and a loop", share=0.02),
    ),
    inputs=inputs,
    check=check,
    measure="bytes",
)
