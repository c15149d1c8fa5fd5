"""Many runs as one piece of work: orders go out to workers, documents come back in the order of the orders.

It deliberately knows nothing of terminals: who wants a progress bar passes a function that is told how far each run is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from simkit.explore.pool import Pool
from simkit.explore.run import EXECUTE, TraceKept
from simkit.kernel.worker import WorkerFailed
from simkit.language.resolved import Scenario
from simkit.observe.document import Document, read_document


@dataclass(frozen=True)
class Order:
    """One run to be made; the fields are the arguments of `explore.run.execute`."""

    scenario: str
    variant: str | None = None
    overrides: tuple[str, ...] = ()
    seed: int | None = None
    systems: tuple[str, ...] = ()
    folder: str | None = None
    trace: TraceKept = "none"
    whole: bool = True
    branch: tuple[int, int] | None = None


@dataclass(frozen=True)
class Report:
    """How far the run of one order is."""

    number: int
    time_ns: int
    steps: int
    violations: int


Told = Callable[[Report], None]


def carry_out(
    orders: Sequence[Order], pool: Pool, told: Told = lambda report: None
) -> Iterator[tuple[Order, Document]]:
    """Run every order and yield it with its document, in order; what an interruption skips is left out.

    WorkerFailed if a run could not be made at all.
    """
    waiting: dict[int, Document | None] = {}
    next_number = 0
    for number, answer in pool.map(EXECUTE, [asdict(order) for order in orders]):
        if "progress" in answer:
            told(Report(number, **answer["progress"]))
            continue
        if "raised" in answer:
            raise WorkerFailed(answer["raised"])
        skipped = "skipped" in answer
        waiting[number] = None if skipped else read_document(answer["result"]["document"].encode())
        while next_number in waiting:
            document = waiting.pop(next_number)
            if document is not None:
                yield orders[next_number], document
            next_number += 1


def sweep_overrides(scenario: Scenario) -> list[tuple[str, ...]]:
    """Return the overrides of every combination of the values that `sweep:` varies."""
    if scenario.sweep is None:
        return [()]
    axes: list[list[str]] = [[f"{path}={value}" for value in values] for path, values in scenario.sweep.vary]
    return [tuple(combination) for combination in product(*axes)]


def exit_code(documents: Sequence[Document]) -> int:
    """Return 0 if all runs came out as declared, else 4 for an error, 1 for a failure, 3 for an unknown."""
    codes = {_code(document) for document in documents}
    return next((code for code in (4, 1, 3) if code in codes), 0)


def _code(document: Document) -> int:
    if document.verdict == "error":
        return 4
    if document.as_declared:
        return 0
    broken = any(not each.as_declared and each.verdict != "unknown" for each in document.expectations)
    return 1 if broken else 3


def summary(document: Document, folder: str | None) -> dict[str, Any]:
    """Return what `--json` prints of one run."""
    return {
        "scenario": document.scenario,
        "variant": document.variant,
        "seed": document.seed,
        "branch": document.branch,
        "branched_seconds": None if document.branched_ns is None else document.branched_ns / 1e9,
        "digest": document.digest,
        "verdict": document.verdict,
        "as_declared": document.as_declared,
        "expectations": [
            {
                "text": each.text,
                "verdict": each.verdict,
                "as_declared": each.as_declared,
                "summary": each.summary,
                "violations": each.violations_total,
            }
            for each in document.expectations
        ],
        "error": document.error.text if document.error else None,
        "virtual_seconds": (document.ended_ns or document.duration_ns) / 1e9,
        "wall_seconds": document.wall_seconds,
        "events": document.events,
        "run_dir": folder,
    }
