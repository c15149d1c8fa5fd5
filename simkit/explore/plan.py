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
from simkit.language.library import Library, Source
from simkit.language.problem import Position, Problem, ScenarioError
from simkit.language.resolved import Scenario
from simkit.language.scenario import load_source
from simkit.registry import Registry

RUNS_MAX = 1_000_000


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
        wanted = list(self._wanted())
        self.single = len(wanted) == 1
        self.orders = [self._order(scenario, source, overrides) for scenario, source, overrides in wanted]

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

    def _order(self, scenario: Scenario, source: Source, overrides: tuple[str, ...]) -> Order:
        folder = self._request.runs / folder_name(scenario, overrides) if self.single else None
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
        )


def folder_name(scenario: Scenario, overrides: tuple[str, ...] = ()) -> str:
    """Return the name of a run's folder: what was run, and its seed."""
    stem = scenario.name.rpartition("/")[2]
    parts = [stem, *([scenario.variant] if scenario.variant else []), *overrides, str(scenario.seed)]
    return re.sub(r"[^\w.=-]+", "_", "-".join(parts))[:120]


def is_run_folder(path: Path) -> bool:
    """Return True for a folder that a run has written."""
    return path.is_dir() and (path / "run.json").is_file()
