"""The audit: every claim of a card tried over many seeds.

A switch is run with its protection on and off, with the same seeds. It passes if the check it names broke in every
seed without the protection, which is what `fails CHECK` in the scenario says, and if every check came out as declared
in every seed with it; a run without the protection ends as soon as the check is broken. A figure is measured once in
each seed, and passes if the 95% interval of the mean lies within the tolerance as a whole (`statistics.compare`),
corrected by its control where it has one (`control_variate`); a run that is not as its scenario declares is no
evidence for it.

It deliberately keeps no run folders: a row that surprises names the command that shows the run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from simkit.card import Card, Control, Figure, Switch
from simkit.explore.audit_row import FigureRow, Row, Surprise, SwitchRow, Verdict
from simkit.explore.campaign import Report, exit_code
from simkit.explore.claims import problems
from simkit.explore.control_variate import Controlled, controlled
from simkit.explore.measurement import MEASURE, Measurement
from simkit.explore.pool import Pool
from simkit.explore.statistics import compare, rate
from simkit.kernel.worker import WorkerFailed
from simkit.language.library import Library
from simkit.language.problem import quoted
from simkit.language.scenario import Scenario, load_scenario
from simkit.node import event_name
from simkit.observe.document import Document, read_document
from simkit.registry import NotInstalled, Registry

SWITCH_SEEDS = 20
"""Seeds of a switch unless the audit is asked for another number; a figure says its own."""


@dataclass(frozen=True)
class Experiment:
    """One run that rows of the audit need; two rows that need the same one share it."""

    scenario: str
    variant: str | None
    overrides: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What an experiment gave: its verdicts, and the numbers by the phrases and controls that asked for them."""

    document: Document
    measured: dict[str, float | None]
    controls: dict[str, float | None] = field(default_factory=dict)


@dataclass
class Question:
    """What is asked of an experiment.

    Attributes:
        phrases: what to measure, in order; a dict for its order.
        controls: what to work out beside it, by name.
        broken: the checks that have to break; the run may end when all of them are.
        whole: whether the run is needed to its end.
    """

    phrases: dict[str, None] = field(default_factory=dict)
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: dict[str, None] = field(default_factory=dict)
    whole: bool = False


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
        self._questions: dict[Experiment, Question] = {}
        for switch in self.switches:
            for seed in self._seeds(self.seeds or SWITCH_SEEDS, switch.scenario):
                self._asked(Experiment(switch.scenario, None, (), seed)).whole = True
                self._asked(Experiment(switch.scenario, switch.variant, (), seed)).broken[switch.check] = None
        for figure in self.figures:
            for each in self._experiments(figure):
                question = self._asked(each)
                question.whole = True
                question.phrases |= dict.fromkeys((figure.statistic, *self._counting(figure)))
                if figure.control is not None:
                    question.controls[_name(figure)] = _plain(figure.control, figure)

    def _asked(self, experiment: Experiment) -> Question:
        return self._questions.setdefault(experiment, Question())

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
        return tuple(self._questions)

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
            question = self._questions[wanted[number]]
            measured = dict(zip(question.phrases, answer["result"]["measured"], strict=True))
            controls = dict(zip(question.controls, answer["result"]["controlled"], strict=True))
            self.outcomes[wanted[number]] = Outcome(document, measured, controls)
            self.wall_seconds += document.wall_seconds
            yield number

    def _call(self, experiment: Experiment) -> dict[str, Any]:
        question = self._questions[experiment]
        return {
            "scenario": experiment.scenario,
            "variant": experiment.variant,
            "overrides": experiment.overrides,
            "seed": experiment.seed,
            "systems": self.systems,
            "measurements": list(question.phrases),
            "controls": list(question.controls.values()),
            "until_broken": [] if question.whole else list(question.broken),
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
        controls: list[float] = []
        items = 0
        verdicts: set[Verdict] = set()
        surprises = []
        for experiment in experiments:
            outcome = self.outcomes.get(experiment)
            if outcome is None:
                verdicts.add("unknown")
                continue
            number = outcome.measured[figure.statistic]
            control = None if figure.control is None else outcome.controls[_name(figure)]
            measured = number is not None and (figure.control is None or control is not None)
            verdict, text = _on(outcome.document)
            if verdict == "pass" and not measured:
                verdict, text = "unknown", "nothing was measured"
            if verdict != "pass":
                verdicts.add(verdict)
                surprises.append(Surprise(experiment.seed, text, self._command(experiment)))
            if measured and number is not None:
                samples.append(number)
                controls += [] if control is None else [control]
                items += sum(round(outcome.measured[phrase] or 0) for phrase in self._counting(figure))
        with_control = _controlled(figure, samples, controls)
        sample = samples if with_control is None else with_control.estimate
        result = compare(figure.value, sample, figure.tolerance) if samples else None
        needed = None if result is None else result.seeds_needed
        verdicts.add("unknown" if result is None else result.verdict)
        if with_control is not None and not with_control.fits:
            verdicts.add("unknown")
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
            controlled=with_control,
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
        there = f"there are {', '.join(registry.systems())}; name one of your own with --system MODULE:CARD"
        raise ValueError(f"no system is called {quoted(system)}; {there}")
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


def _controlled(figure: Figure, samples: Sequence[float], controls: Sequence[float]) -> Controlled | None:
    control = figure.control
    if control is None or not samples:
        return None
    return controlled(samples, controls, control.expectation, slope=control.slope)


def _name(figure: Figure) -> str:
    assert figure.control is not None
    return f"{figure.control.in_words()} in {_window(figure)}"


def _window(figure: Figure) -> str:
    return Measurement.parse(figure.statistic).quantity.window


def _plain(control: Control, figure: Figure) -> dict[str, Any]:
    """Return a control as a worker can be asked for it."""
    return {
        "path": control.path,
        "parameters": dict(control.parameters),
        "events": [event_name(each) for each in control.events],
        "window": _window(figure),
    }


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
