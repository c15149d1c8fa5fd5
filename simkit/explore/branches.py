"""Many ways to go on from one instant: a run is made once up to there, and each branch draws its own luck from then on.

It tells what was settled already from what was still open: where all branches fail, the cause lies before that instant.
The process is forked, so that the way to the instant is walked once; a branch by itself, which walks it again, comes to
the same digest. Where a process cannot be forked, that is what happens.

It deliberately leaves the faults of the scenario where they are: they were planned when the run began.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any

from msgspec import structs

from simkit.explore.campaign import Order, Report, Told, carry_out
from simkit.explore.interpreter import interruptible
from simkit.explore.pool import Pool
from simkit.explore.run import Branch, Run, outline
from simkit.kernel.fork import Forks, can_fork
from simkit.kernel.worker import Say, WorkerFailed
from simkit.language.scenario import load_scenario
from simkit.network.standard_library import install
from simkit.observe.document import Document, read_document
from simkit.registry import Registry

GROW = "simkit.explore.branches:grow"
"""What a worker is asked to call."""


def carry_out_branches(
    orders: Sequence[Order], pool: Pool, told: Told = lambda report: None
) -> Iterator[tuple[Order, Document]]:
    """Make the one run of which all orders are branches, and yield each order with its document, in order.

    WorkerFailed if a branch could not be made at all.
    """
    trunk = replace(orders[0], folder=None, trace="none", branch=None)
    branches = [order.branch for order in orders if order.branch is not None]
    call = {**asdict(trunk), "branches": branches, "at_once": pool.size}
    documents: dict[int, Document] = {}
    for _, answer in pool.map(GROW, [call]):
        if "raised" in answer:
            raise WorkerFailed(answer["raised"])
        if "progress" in answer:
            told(Report(len(documents), **answer["progress"]))
        if "branch" in answer:
            documents[answer["branch"]] = read_document(answer["document"].encode())
        if "result" in answer and not answer["result"]["forked"]:
            yield from carry_out(orders, pool, told)
            return
    for order in orders:
        assert order.branch is not None
        if order.branch[1] in documents:
            yield order, documents[order.branch[1]]


def grow(
    *,
    say: Say,
    scenario: str,
    variant: str | None,
    overrides: Sequence[str],
    seed: int | None,
    systems: Sequence[str],
    branches: Sequence[tuple[int, int]],
    at_once: int,
    **_: Any,
) -> dict[str, Any]:
    """Run a scenario in a worker up to the instant of its branches, and say the run document of each."""
    install()  # before any system is imported, as in `execute`
    registry = Registry(systems)
    resolved = load_scenario(scenario, variant=variant, overrides=overrides, seed=seed, registry=registry)
    run, forks = Run(resolved, registry.card(resolved.system)), Forks(at_once)
    at_ns = branches[0][0]

    def go_on(number: int) -> bytes:
        run.restart_stopwatch()
        run.branch_off(Branch(at_ns, number))
        run.advance(int(resolved.duration))
        document = structs.replace(run.conclude(), systems=registry.references)
        return outline(document).to_json()

    def interrupt() -> None:
        run.interrupt()
        forks.interrupt()

    with run.underway(), closing(run.world), interruptible(interrupt):
        run.advance(at_ns, lambda message: say({"progress": message}))
        if not can_fork():
            return {"forked": False}
        for number, document in forks.grow([number for _, number in branches], go_on):
            say({"branch": number, "document": document.decode()})
    return {"forked": True}
