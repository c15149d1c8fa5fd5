"""The audit: every claim of a card tried over many seeds.

A switch is run with its protection on and off, with the same seeds. It passes if the check it names broke in every
seed without the protection, which is what `fails CHECK` in the scenario says, and if every check came out as declared
in every seed with it. A figure is measured once in each seed, and passes if the 95% interval of the mean lies within
the tolerance as a whole (`statistics.compare`); a run that is not as its scenario declares is no evidence for it.

It deliberately keeps no run folders: a row that surprises names the command that shows the run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite
from pathlib import Path
from typing import Any, Literal

from simkit.card import Card, Figure, Switch
from simkit.explore.campaign import Report, exit_code
from simkit.explore.claims import problems
from simkit.explore.measurement import MEASURE, Measurement
from simkit.explore.pool import Pool
from simkit.explore.statistics import Estimate, FigureResult, compare, rate
from simkit.kernel.worker import WorkerFailed
from simkit.language.library import Library
from simkit.language.problem import quoted
from simkit.language.scenario import Scenario, load_scenario
from simkit.observe.document import Document, read_document
from simkit.registry import NotInstalled, Registry

SWITCH_SEEDS = 20
"""Seeds of a switch unless the audit is asked for another number; a figure says its own."""

Verdict = Literal["pass", "fail", "unknown", "error"]


@dataclass(frozen=True)
class Experiment:
    """One run that rows of the audit need; two rows that need the same one share it."""

    scenario: str
    variant: str | None
    overrides: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What an experiment gave: its verdicts, and the numbers by the phrases that asked for them."""

    document: Document
    measured: dict[str, float | None]


@dataclass(frozen=True)
class Surprise:
    """A run that speaks against its row, and the command that shows it."""

    seed: int
    text: str
    command: str


@dataclass(frozen=True)
class SwitchRow:
    """What became of a switch.

    Attributes:
        wanted, seeds: how many pairs of runs were asked for, and made.
        broken_when_off, clean_when_on: in how many of them.
        share: of the seeds in which the check broke, with Wilson's interval; None before any run.
    """

    switch: Switch
    scenario: str
    wanted: int
    seeds: int
    broken_when_off: int
    clean_when_on: int
    share: Estimate | None
    verdict: Verdict
    surprises: tuple[Surprise, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        switch = self.switch
        return {
            "switch": switch.setting,
            "check": switch.check,
            "scenario": self.scenario,
            "variant": switch.variant,
            "broken_when_off": self.broken_when_off,
            "clean_when_on": self.clean_when_on,
            "seeds": self.seeds,
        }


@dataclass(frozen=True)
class FigureRow:
    """What became of a figure.

    Attributes:
        wanted, seeds: how many runs were asked for, and gave a number.
        items: how many items they measured together.
        result: against the published number; None before any run.
        seeds_needed: where the verdict is unknown, about how many would decide it; None where that cannot be said.
    """

    figure: Figure
    scenario: str
    wanted: int
    seeds: int
    items: int
    result: FigureResult | None
    verdict: Verdict
    seeds_needed: int | None
    surprises: tuple[Surprise, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data; an interval without ends is null."""
        figure, result = self.figure, self.result
        ends = [result.interval.low, result.interval.high] if result is not None else []
        return {
            "figure": figure.name,
            "source": figure.source,
            "published": figure.value,
            "measured": None if result is None else result.measured,
            "interval": ends if ends and all(map(isfinite, ends)) else None,
            "tolerance": figure.tolerance,
            "verdict": self.verdict,
        }


Row = SwitchRow | FigureRow


@dataclass
class Audit:
    """The audit of one card; `audit_of` makes one from what a command line says.

    Args:
        card: whose claims are tried.
        registry: where its system is found, here; `systems` is the same for workers.
        switches, figures: the rows to try.
        seeds: for each row, instead of `SWITCH_SEEDS` and each figure's own number.
    """

    card: Card
    registry: Registry
    systems: tuple[str, ...] = ()
    switches: Sequence[Switch] = ()
    figures: Sequence[Figure] = ()
    seeds: int | None = None
    outcomes: dict[Experiment, Outcome] = field(default_factory=dict, init=False)
    wall_seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._scenarios: dict[tuple[str, str | None, tuple[str, ...]], Scenario] = {}
        # In the order of the rows, so that an audit that is interrupted has finished the first ones.
        self._phrases: dict[Experiment, dict[str, None]] = {}
        for switch in self.switches:
            for seed in self._seeds(self.seeds or SWITCH_SEEDS, switch.scenario):
                for variant in (None, switch.variant):
                    self._want(Experiment(switch.scenario, variant, (), seed))
        for figure in self.figures:
            for each in self._experiments(figure):
                self._want(each, figure.statistic, *self._counting(figure))

    def _want(self, experiment: Experiment, *phrases: str) -> None:
        self._phrases.setdefault(experiment, {}).update(dict.fromkeys(phrases))

    def _experiments(self, figure: Figure) -> list[Experiment]:
        given = (figure.scenario, figure.variant, figure.overrides)
        return [Experiment(*given, seed) for seed in self._seeds(self.seeds or figure.seeds, *given)]

    def _seeds(self, count: int, scenario: str, variant: str | None = None, overrides: tuple[str, ...] = ()) -> range:
        first = self._scenario(scenario, variant, overrides).seed
        return range(first, first + count)

    def _scenario(self, name: str, variant: str | None = None, overrides: tuple[str, ...] = ()) -> Scenario:
        key = (name, variant, overrides)
        if key not in self._scenarios:
            self._scenarios[key] = load_scenario(name, variant=variant, overrides=overrides, registry=self.registry)
        return self._scenarios[key]

    # -- running

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Every run that the audit makes."""
        return tuple(self._phrases)

    @property
    def duration_ns(self) -> int:
        """Virtual length of the longest run."""
        return max((int(each.duration) for each in self._scenarios.values()), default=0)

    def carry_out(self, pool: Pool, told: Callable[[Report], None] = lambda report: None) -> Iterator[int]:
        """Make all runs, in any order, and yield the number of each one that is finished.

        Rows can be read at any time; they tell what is known. WorkerFailed if a run could not be made at all.
        """
        wanted = self.experiments
        calls = [self._call(each) for each in wanted]
        for number, answer in pool.map(MEASURE, calls):
            if "progress" in answer:
                told(Report(number, **answer["progress"]))
                continue
            if "raised" in answer:
                raise WorkerFailed(answer["raised"])
            document = read_document(answer["result"]["document"].encode())
            measured = dict(zip(calls[number]["measurements"], answer["result"]["measured"], strict=True))
            self.outcomes[wanted[number]] = Outcome(document, measured)
            self.wall_seconds += document.wall_seconds
            yield number

    def _call(self, experiment: Experiment) -> dict[str, Any]:
        return {
            "scenario": experiment.scenario,
            "variant": experiment.variant,
            "overrides": experiment.overrides,
            "seed": experiment.seed,
            "systems": self.systems,
            "measurements": list(self._phrases[experiment]),
        }

    # -- what came out

    def switch_rows(self) -> list[SwitchRow]:
        """Return a row for each switch, in the card's order."""
        return [self._switch_row(switch) for switch in self.switches]

    def figure_rows(self) -> list[FigureRow]:
        """Return a row for each figure, in the card's order."""
        return [self._figure_row(figure) for figure in self.figures]

    def as_json(self) -> dict[str, Any]:
        """Return all rows as plain data."""
        return {
            "switches": [row.as_json() for row in self.switch_rows()],
            "figures": [row.as_json() for row in self.figure_rows()],
        }

    def exit_code(self) -> int:
        """Return 0 if every row passes, else 4 for an error, 1 for a failure, 3 for an unknown."""
        rows: list[Row] = [*self.switch_rows(), *self.figure_rows()]
        found = {row.verdict for row in rows}
        return next((code for verdict, code in (("error", 4), ("fail", 1), ("unknown", 3)) if verdict in found), 0)

    def _switch_row(self, switch: Switch) -> SwitchRow:
        seeds = self._seeds(self.seeds or SWITCH_SEEDS, switch.scenario)
        broken = clean = made = 0
        verdicts: set[Verdict] = set()
        surprises = []
        for seed in seeds:
            pair = [Experiment(switch.scenario, variant, (), seed) for variant in (None, switch.variant)]
            if not all(each in self.outcomes for each in pair):
                continue
            made += 1
            on, off = (self.outcomes[each].document for each in pair)
            for experiment, (verdict, text) in zip(pair, (_on(on), _off(off, switch.check)), strict=True):
                verdicts.add(verdict)
                broken += verdict == "pass" and experiment.variant is not None
                clean += verdict == "pass" and experiment.variant is None
                if verdict != "pass":
                    surprises.append(Surprise(seed, text, self._command(experiment)))
        if made < len(seeds):
            verdicts.add("unknown")
        return SwitchRow(
            switch=switch,
            scenario=self._scenario(switch.scenario).name,
            wanted=len(seeds),
            seeds=made,
            broken_when_off=broken,
            clean_when_on=clean,
            share=rate(broken, made) if made else None,
            verdict=_worst(verdicts),
            surprises=tuple(surprises),
        )

    def _figure_row(self, figure: Figure) -> FigureRow:
        experiments = self._experiments(figure)
        samples: list[float] = []
        items = 0
        verdicts: set[Verdict] = set()
        surprises = []
        for experiment in experiments:
            outcome = self.outcomes.get(experiment)
            if outcome is None:
                verdicts.add("unknown")
                continue
            number = outcome.measured[figure.statistic]
            verdict, text = _on(outcome.document)
            if verdict == "pass" and number is None:
                verdict, text = "unknown", "nothing was measured"
            if verdict != "pass":
                verdicts.add(verdict)
                surprises.append(Surprise(experiment.seed, text, self._command(experiment)))
            if number is not None:
                samples.append(number)
                items += sum(round(outcome.measured[phrase] or 0) for phrase in self._counting(figure))
        result = compare(figure.value, samples, figure.tolerance) if samples else None
        needed = None if result is None else result.seeds_needed
        verdicts.add("unknown" if result is None else result.verdict)
        if items < figure.items:
            verdicts.add("unknown")
            needed = max(needed or 0, ceil(len(samples) * figure.items / items)) if items else None
        return FigureRow(
            figure=figure,
            scenario=self._scenario(figure.scenario, figure.variant, figure.overrides).name,
            wanted=len(experiments),
            seeds=len(samples),
            items=items,
            result=result,
            verdict=_worst(verdicts),
            seeds_needed=needed,
            surprises=tuple(surprises),
        )

    def _counting(self, figure: Figure) -> tuple[str, ...]:
        """Return the phrase that counts a figure's items, none where nothing does."""
        if figure.items_counted:
            return (figure.items_counted,)
        measurement = Measurement.parse(figure.statistic)
        counted = measurement.divisor or measurement.quantity
        return () if self.card.metrics[counted.metric].kind == "gauge" else (counted.count(),)

    def _command(self, experiment: Experiment) -> str:
        """Return what to type to see one run."""
        words = ["simkit run", _typed(experiment.scenario)]
        words += [f"--variant {experiment.variant}"] if experiment.variant else []
        words += [f"--set '{each}'" for each in experiment.overrides]
        words += [f"--seed {experiment.seed}", *(f"--system {each}" for each in self.systems)]
        return " ".join(words)


def audit_of(
    registry: Registry,
    system: str,
    systems: tuple[str, ...] = (),
    switches: bool = True,
    figures: bool = True,
    only: str | None = None,
    seeds: int | None = None,
) -> Audit:
    """Return the audit of a system: both tables or the one that is asked for, and of those only rows with a word.

    ValueError, with a text for the user, if there is no such system, if its libraries are missing, or if its card
    claims what cannot be tried.
    """
    if system not in registry.systems():
        raise ValueError(f"no system is called {quoted(system)}; there are {', '.join(registry.systems())}")
    try:
        card = registry.card(system)
    except NotInstalled as error:
        raise ValueError(str(error)) from error
    wrong = problems(card, registry)
    if wrong:
        raise ValueError("\n".join([f"the card of {system} claims what cannot be tried; nothing was run", *wrong]))
    both = switches == figures
    chosen = [each for each in card.switches if (only or "") in f"{each.setting} {each.check} {each.variant}"]
    numbers = [each for each in card.figures if (only or "") in each.name]
    return Audit(card, registry, systems, chosen if switches or both else (), numbers if figures or both else (), seeds)


def _on(document: Document) -> tuple[Verdict, str]:
    """Return whether every check and bound came out as declared, and what did not.

    A `sometimes` that was not seen is no false alarm: it says that the seed shows nothing, not that something broke.
    """
    if document.error is not None:
        return "error", document.error.text
    broken = [each for each in document.expectations if not each.as_declared and each.kind != "sometimes"]
    for each in broken:
        if each.verdict != "unknown":
            return ("error" if each.verdict == "error" else "fail"), f"{each.text}: {each.summary}"
    if broken:
        return "unknown", f"{broken[0].text}: {broken[0].summary}"
    return _finished(document)


def _off(document: Document, check: str) -> tuple[Verdict, str]:
    """Return whether a check broke, and what happened instead."""
    if document.error is not None:
        return "error", document.error.text
    judged = [each for each in document.expectations if check == each.subject.split()[0]]
    if any(each.verdict == "error" for each in judged):
        return "error", judged[0].summary
    if any(each.verdict == "fail" for each in judged):
        return "pass", ""
    verdict, text = _finished(document)
    return ("fail", f"{check} did not break") if verdict == "pass" else (verdict, text)


def _finished(document: Document) -> tuple[Verdict, str]:
    """A run that was stopped before its end, by a limit or a hand, shows nothing by what did not happen in it."""
    if document.ended_ns is not None and exit_code([document]) != 0:
        return "unknown", "the run ended early: " + ", ".join(document.left_out)
    return "pass", ""


def _worst(verdicts: set[Verdict]) -> Verdict:
    order: tuple[Verdict, ...] = ("error", "fail", "unknown")
    return next((verdict for verdict in order if verdict in verdicts), "pass")


def _typed(scenario: str) -> str:
    """Return a scenario as a user here would type it."""
    path = Path(scenario)
    if Library().find(scenario) is not None or not path.is_absolute():
        return scenario
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else scenario
