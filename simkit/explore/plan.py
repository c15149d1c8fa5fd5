"""What a command line asks for, worked out before anything runs: which scenarios, variants, values and seeds.

Every combination is read and checked here, so that the thousandth run cannot fail for a typing error that the first
could have shown.

It deliberately decides where folders go, and nothing else about the outside: running is the campaign's business.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simkit.explore.campaign import Order, sweep_overrides
from simkit.language.duration import Duration
from simkit.language.library import Library, Source
from simkit.language.problem import Position, Problem, Refusal, ScenarioError
from simkit.language.resolved import Scenario
from simkit.language.scenario import load_source
from simkit.registry import Registry

RUNS_MAX = 1_000_000


Wanted = tuple[Scenario, Source, tuple[str, ...], tuple[int, int] | None]
"""A scenario, where it stands, what overrides it, and where and which of its branches is wanted."""


@dataclass(frozen=True)
class Request:
    """What was asked for; the fields are the options of `simkit run`."""

    targets: tuple[str, ...]
    runs: Path
    seed: int | None = None
    seeds: int | None = None
    variants: tuple[str, ...] = ()
    all_variants: bool = False
    sweep: bool = False
    overrides: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    picture: Path | None = None
    branch_at: str | None = None
    branches: tuple[int, ...] = ()


class Plan:
    """The runs of one request. ScenarioError for everything wrong with its files.

    Attributes:
        orders: one for each run.
        single: whether it is one run, which deserves the whole picture.
        duration_ns: the longest run's.
        paths: what a sweep varies; of several scenarios, those of the first.
        picture: where its picture goes. folder: where pages go. compares: whether variants stand side by side.
    """

    def __init__(self, request: Request, registry: Registry) -> None:
        self._request = request
        self._registry = registry
        self._library = Library()
        self.duration_ns = 0
        self.paths: tuple[str, ...] = ()
        self.picture = request.picture
        self.folder = request.runs
        self.compares = request.all_variants or len(request.variants) > 1
        wanted: list[Wanted] = [(*each, None) for each in self._wanted()]
        if request.branch_at is not None:
            wanted = [*self._branches(request.branch_at, wanted)]
        self.single = len(wanted) == 1
        self.orders = [self._order(*each) for each in wanted]

    def _wanted(self) -> Iterator[tuple[Scenario, Source, tuple[str, ...]]]:
        request = self._request
        for target in request.targets:
            for source in self._library.locate(target):
                base = self._load(source, None, request.overrides)
                names: list[str | None] = [*request.variants]
                if request.all_variants:
                    names = [None, *base.variants]
                for variant in names or [None]:
                    if request.sweep and base.sweep is None:
                        message = "has no `sweep:`, which --sweep would run"
                        raise ScenarioError(Problem(Position(source.shown, 0, 0), message))
                    if request.sweep and base.sweep is not None:
                        self.paths = self.paths or tuple(path for path, _ in base.sweep.vary)
                    for values in sweep_overrides(base) if request.sweep else [()]:
                        overrides = (*request.overrides, *values)
                        plain = variant is None and not values
                        scenario = base if plain else self._load(source, variant, overrides)
                        self.duration_ns = max(self.duration_ns, int(scenario.duration))
                        seeds = request.seeds or (base.sweep.seeds if request.sweep and base.sweep else 1)
                        first = scenario.seed if request.seed is None else request.seed
                        for seed in range(first, first + seeds):
                            yield scenario.with_seed(seed), source, overrides

    def _load(self, source: Source, variant: str | None, overrides: tuple[str, ...]) -> Scenario:
        return load_source(source, variant=variant, overrides=overrides, registry=self._registry, library=self._library)

    def _branches(self, text: str, wanted: list[Wanted]) -> Iterator[Wanted]:
        """Yield every branch of the one run that was asked for."""
        scenario, source, overrides, _ = wanted[0]
        where = Position("--branch-at", 0, 0)
        if len(wanted) > 1:
            raise ScenarioError(Problem(where, f"branches are of one run, and {len(wanted)} were asked for"))
        try:
            at = Duration.parse(text)
        except Refusal as refusal:
            raise ScenarioError(Problem(where, str(refusal))) from None
        if not 0 < at < scenario.duration:
            raise ScenarioError(Problem(where, f"must be within the run, which takes {scenario.duration}, found {at}"))
        for number in self._request.branches:
            yield scenario, source, overrides, (int(at), number)

    def _order(
        self, scenario: Scenario, source: Source, overrides: tuple[str, ...], branch: tuple[int, int] | None
    ) -> Order:
        name = folder_name(scenario, overrides) + ("" if branch is None else f"-branch-{branch[1]}")
        folder = self._request.runs / name if self.single else None
        installed = self._library.find(source.name)
        return Order(
            scenario=source.name if installed and installed.path == source.path else str(source.path),
            variant=scenario.variant,
            overrides=overrides,
            seed=scenario.seed,
            systems=self._request.systems,
            folder=None if folder is None else str(folder),
            trace="file" if folder is not None else "none",
            whole=self.single,
            branch=branch,
        )


def folder_name(scenario: Scenario, overrides: tuple[str, ...] = ()) -> str:
    """Return the name of a run's folder: what was run, and its seed."""
    stem = scenario.name.rpartition("/")[2]
    parts = [stem, *([scenario.variant] if scenario.variant else []), *overrides, str(scenario.seed)]
    return re.sub(r"[^\w.=-]+", "_", "-".join(parts))[:120]


def is_run_folder(path: Path) -> bool:
    """Return True for a folder that a run has written."""
    return path.is_dir() and (path / "run.json").is_file()
