"""A number that one run gives: a statistic of a metric, in the words of `expect:`, with two words more.

    task.wait mean in steady | task.wait p99 where priority=0, kind=resize | tasks.waited count / tasks.leased count

`where` takes only the series with those labels, ``/`` divides one number by another of the same run. The window is
`all` if it is left out. The number is read from the instruments themselves, so every statistic of the language works,
not only those that the run document tabulates.

It deliberately knows one run: what many runs say together is `statistics`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

from simkit.card import Card, Heard
from simkit.explore.run import Run, outline
from simkit.kernel import Record
from simkit.kernel.records import Records
from simkit.language.expectation import WINDOWS
from simkit.language.problem import listed, nearest_quoted, quoted
from simkit.language.scenario import load_scenario
from simkit.node import Event
from simkit.observe.metrics import Instrument, Metrics
from simkit.observe.series import statistic
from simkit.observe.windows import Window, Windows
from simkit.registry import Registry

MEASURE = "simkit.explore.measurement:measure"
"""What a worker is asked to call."""

_PHRASE = re.compile(r"(\S+) ([a-z]+[0-9]*)(?: in ([a-z]+))?(?: where (.+))?\Z")
_LABEL = re.compile(r"([A-Za-z_]\w*)=([^\s,=]+)\Z")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "counter": ("count", "rate"),
    "gauge": ("mean", "min", "max", "last"),
    "histogram": ("count", "mean", "min", "max", "p50", "p90", "p95", "p99", "p999"),
}
"""The language's statistics that each kind of metric has."""


@dataclass(frozen=True)
class Quantity:
    """One statistic of one metric over one window, of the series with certain labels."""

    metric: str
    statistic: str
    window: str
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one; ValueError in words."""
        phrase = " ".join(text.split())
        match = _PHRASE.match(phrase)
        if not match:
            raise ValueError(f"cannot read {quoted(phrase)}; write `METRIC STATISTIC in WINDOW where LABEL=VALUE`")
        metric, word, window, given = match.groups()
        if (window or "all") not in WINDOWS:
            message = f"unknown window {quoted(window)} in {quoted(phrase)}; there are {' '.join(WINDOWS)}"
            raise ValueError(message)
        labels = []
        for each in given.split(",") if given else ():
            pair = _LABEL.match(each.strip())
            if not pair:
                raise ValueError(f"cannot read {quoted(each.strip())} in {quoted(phrase)}; write LABEL=VALUE")
            labels.append((pair[1], pair[2]))
        return cls(metric, word, window or "all", tuple(sorted(labels)))

    def count(self) -> str:
        """Return the phrase that counts what this statistic is taken over."""
        where = " where " + ", ".join(f"{name}={value}" for name, value in self.labels) if self.labels else ""
        return f"{self.metric} count in {self.window}{where}"

    def check(self, card: Card) -> None:
        """Raise ValueError unless the card has the metric and its kind has the statistic."""
        if self.metric not in card.metrics:
            near = nearest_quoted(self.metric, card.metrics)
            there = f"; nearest: {near}" if near else f"; {card.name} has {listed(card.metrics)}"
            raise ValueError(f"unknown metric {quoted(self.metric)}{there}")
        kind = card.metrics[self.metric].kind
        if self.statistic not in _WORDS[kind]:
            raise ValueError(f"{self.metric} is a {kind} and has {' '.join(_WORDS[kind])}, no {quoted(self.statistic)}")

    def value(self, metrics: Metrics, windows: Windows) -> float | None:
        """Return the number in the metric's unit, None where nothing was measured."""
        chosen = _Labelled(metrics, self.labels) if self.labels else metrics
        if self.metric not in chosen.names():
            return None
        first = next(chosen.series(self.metric), None)
        if first is None:
            return None
        word = "total" if first.kind == "counter" and self.statistic == "count" else self.statistic
        return statistic(chosen, self.metric, word, windows.named(self.window))


@dataclass(frozen=True)
class Measurement:
    """A quantity, or one divided by another."""

    quantity: Quantity
    divisor: Quantity | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one; ValueError in words."""
        first, slash, second = text.partition(" / ")
        return cls(Quantity.parse(first), Quantity.parse(second) if slash else None)

    def check(self, card: Card) -> None:
        """Raise ValueError for what the card does not have."""
        self.quantity.check(card)
        if self.divisor is not None:
            self.divisor.check(card)

    def value(self, metrics: Metrics, windows: Windows) -> float | None:
        """Return the number, None where nothing was measured or the divisor is 0."""
        number = self.quantity.value(metrics, windows)
        if self.divisor is None or number is None:
            return number
        divisor = self.divisor.value(metrics, windows)
        return number / divisor if divisor else None


class _Labelled(Metrics):
    """A view of a run's metrics that shows only the series with certain labels; nothing of it is its own."""

    def __init__(self, whole: Metrics, labels: Sequence[tuple[str, str]]) -> None:
        self.__dict__.update(whole.__dict__)
        self._wanted = frozenset(labels)

    def series(self, name: str, host: str | None = None) -> Iterator[Instrument]:
        return (one for one in super().series(name, host) if self._wanted <= set(one.labels))


def measure(
    *,
    say: Callable[[dict[str, Any]], None],
    scenario: str,
    variant: str | None,
    overrides: Sequence[str],
    seed: int,
    systems: Sequence[str],
    measurements: Sequence[str],
    controls: Sequence[Mapping[str, Any]] = (),
    until_broken: Sequence[str] = (),
) -> dict[str, Any]:
    """Run a scenario in a worker; return the outline of its document as JSON, and the numbers asked for.

    Args:
        measurements: phrases.
        controls: for each a `path`, `parameters`, `events` by tag and a `window`, as `Control` has them.
        until_broken: checks; the run ends as soon as all of them are broken. None for a run to its end.
    """
    registry = Registry(systems)
    resolved = load_scenario(scenario, variant=variant, overrides=overrides, seed=seed, registry=registry)
    run = Run(resolved, registry.card(resolved.system))
    heard = _Ear(run.world.records, {tag for each in controls for tag in each["events"]})
    enough = (lambda: all(map(run.judge.broken, until_broken))) if until_broken else None
    document = run.execute(lambda message: say({"progress": message}), enough)
    metrics = run.observation.metrics
    numbers = [Measurement.parse(text).value(metrics, document.windows) for text in measurements]
    controlled = [_control(each, heard.events, document.windows.named(each["window"])) for each in controls]
    return {"document": outline(document).to_json().decode(), "measured": numbers, "controlled": controlled}


class _Ear:
    """Keeps the events of certain kinds."""

    def __init__(self, records: Records, tags: set[str]) -> None:
        self.events: list[tuple[str, Heard]] = []
        self._tags = tags
        if tags:
            records.subscribe(("event",), self._heard)

    def _heard(self, record: Record) -> None:
        tag = str(record.detail[0])
        if tag in self._tags:
            assert isinstance(record.value, Event)
            self.events.append((tag, (record.time_ns, record.host, record.value)))


def _control(control: Mapping[str, Any], events: Sequence[tuple[str, Heard]], window: Window | None) -> float | None:
    module, _, name = control["path"].partition(":")
    function = getattr(import_module(module), name)
    heard = [each for tag, each in events if tag in control["events"]]
    number: float | None = None if window is None else function(heard, window, **control["parameters"])
    return number
