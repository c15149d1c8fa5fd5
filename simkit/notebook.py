"""Using simkit from Python: in a notebook, a script or a test of your own.

`simkit.run("task_queue/steady", seed=7)` runs a scenario in a worker interpreter, as the command does, and returns what
came of it: verdicts, metrics as a table, the trace, the figures, and in a notebook the whole page.

It deliberately runs nothing in the caller's interpreter, whose hash seed and clock are its own.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from simkit.explore.campaign import Order, carry_out
from simkit.explore.pool import Pool
from simkit.observe.document import Document, ExpectationEntry, MetricEntry
from simkit.observe.trace import StoredTrace, TraceRecord

if TYPE_CHECKING:
    from pandas import DataFrame


class Outcome:
    """One finished run.

    Attributes:
        document: everything that is known of it, as in ``run.json``.
        folder: where its trace and the other files lie.
    """

    def __init__(self, document: Document, folder: Path, *, temporary: bool = False) -> None:
        self.document = document
        self.folder = folder
        if temporary:
            # The folder lives as long as this object.
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def __repr__(self) -> str:
        declared = "as declared" if self.as_declared else "NOT as declared"
        return f"<Outcome {self.document.scenario} seed {self.document.seed}: {self.verdict}, {declared}>"

    def __bool__(self) -> bool:
        """Whether the run came out as its file declares, so that a test can simply assert it."""
        return self.as_declared

    @property
    def verdict(self) -> str:
        """pass, fail, unknown or error."""
        return self.document.verdict

    @property
    def as_declared(self) -> bool:
        """Whether everything came out as the file says."""
        return self.document.as_declared

    @property
    def digest(self) -> str:
        """32 hexadecimal digits over everything that happened, bytes included."""
        return self.document.digest

    @property
    def verdicts(self) -> dict[str, ExpectationEntry]:
        """Every expectation by its text."""
        return {each.text: each for each in self.document.expectations}

    @cached_property
    def metrics(self) -> "DataFrame":
        """All series as one table: columns time_s, metric, host (empty for all hosts together), value and, for
        histograms, p50 and p99. ModuleNotFoundError without pandas, which is no dependency of simkit.
        """
        try:
            from pandas import DataFrame
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("`metrics` is a pandas DataFrame: pip install pandas") from error
        rows = [row for metric in self.document.metrics for row in _rows(metric)]
        return DataFrame(rows, columns=["time_s", "metric", "host", "value", "p50", "p99"])

    @property
    def trace(self) -> Iterator[TraceRecord]:
        """Every record that was kept, in order."""
        return (record for _, record in StoredTrace(self.folder / "trace.bin").records())

    def plot(self, metric: str) -> str:
        """Return a metric with its fault bands as SVG text. KeyError names the metrics there are."""
        from simkit.report.figures import draw

        known = {each.name: each for each in reversed(self.document.metrics)}
        if metric not in known:
            raise KeyError(f"no metric {metric!r}; there are {', '.join(sorted(known))}")
        return draw(self.document, known[metric]).svg

    def page(self) -> str:
        """Return the report as one HTML text."""
        from simkit.report.page import page, trace_beside

        return page(self.document, trace=trace_beside(self.folder / "report.html"))

    def _repr_html_(self) -> str:
        # In a frame of its own: the page brings styles and a script that must not meet the notebook's.
        return f'<iframe srcdoc="{escape(self.page())}" style="width:100%;height:820px;border:0"></iframe>'

    def __str__(self) -> str:
        from simkit.report.terminal import terminal

        return terminal(self.document, searches=())


def _rows(metric: MetricEntry) -> Iterator[tuple[float, str, str, float | None, float | None, float | None]]:
    empty = (None,) * len(metric.times_ns)
    p50, p99 = (metric.quantiles.get(word, empty) for word in ("p50", "p99"))
    for time_ns, value, median, tail in zip(metric.times_ns, metric.values, p50, p99, strict=True):
        yield time_ns / 1e9, metric.name, metric.host or "", value, median, tail


def run(
    scenario: str | Path,
    *,
    seed: int | None = None,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    systems: Sequence[str] = (),
    folder: str | Path | None = None,
) -> Outcome:
    """Run a scenario and return its outcome.

    Args:
        scenario: a file, or the name of an installed one such as ``"task_queue/steady"``.
        seed: instead of the file's.
        variant: one of the file's variants.
        overrides: as for ``--set``, for example ``["faults.gc.for=60s"]``.
        systems: systems of your own as ``MODULE:CARD``, importable from the current folder.
        folder: where to leave the run's files; a temporary folder if left out.

    Raises:
        ScenarioError: for everything that is wrong with the file.
        WorkerFailed: if the run could not be made at all.
    """
    from simkit.language.scenario import load_scenario
    from simkit.registry import Registry

    # Read here first, so that a mistake in the file is the caller's exception and not a worker's.
    load_scenario(scenario, variant=variant, overrides=overrides, seed=seed, registry=Registry(systems))
    place = Path(tempfile.mkdtemp(prefix="simkit-") if folder is None else folder)
    order = Order(
        scenario=str(scenario),
        variant=variant,
        overrides=tuple(overrides),
        seed=seed,
        systems=tuple(systems),
        folder=str(place),
        trace="file",
    )
    with Pool(1, path=(str(Path.cwd()),) if systems else ()) as pool:
        [(_, document)] = carry_out([order], pool)
    return Outcome(document, place, temporary=folder is None)
