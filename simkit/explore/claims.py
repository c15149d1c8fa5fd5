"""Whether the claims of a card can be tried at all: everything its tables name exists and means what they say.

Used before an audit runs anything, and by a test over every installed card: a row that names a check, a scenario or a
metric wrongly would otherwise be found after an hour of runs, or never.

It deliberately runs no scenario; whether the claims are true is the audit's business.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module

from simkit.card import Card, Control, Figure, Law, Switch
from simkit.explore.measurement import Measurement
from simkit.language.library import Library
from simkit.language.problem import ScenarioError, nearest_quoted, quoted
from simkit.language.scenario import Scenario, load_scenario
from simkit.language.text import MappingNode, plain_of, read_text
from simkit.node import event_name
from simkit.registry import Registry

Load = Callable[[str, str | None, tuple[str, ...]], Scenario]


def problems(card: Card, registry: Registry, library: Library | None = None) -> list[str]:
    """Return what is wrong with the card's tables, one line each that begins with the row; empty for a sound card."""
    found = library or Library()

    @cache
    def load(name: str, variant: str | None, overrides: tuple[str, ...]) -> Scenario:
        return load_scenario(name, variant=variant, overrides=overrides, registry=registry, library=found)

    lines = []
    for row, told in (
        *((f"switch {quoted(each.setting)}", _switch(each, card, load)) for each in card.switches),
        *((f"figure {quoted(each.name)}", _figure(each, card, load)) for each in card.figures),
    ):
        try:
            for text in told:
                lines.append(f"{row}: {text}")
        except ScenarioError as error:
            lines += [f"{row}: {each}" for each in error.problems]
        except ValueError as error:
            lines.append(f"{row}: {error}")
    return [*lines, *_twice("switch", (_row(each) for each in card.switches)), *_twice("figure", _names(card))]


def _switch(switch: Switch, card: Card, load: Load) -> Iterator[str]:
    if switch.check not in card.checks:
        yield f"unknown check {quoted(switch.check)}" + _near(switch.check, card.checks)
    path, colon, value = switch.setting.partition(": ")
    if not colon:
        yield "write `PATH: VALUE`, the knob and the value that turns the protection off"
        return
    base = load(switch.scenario, None, ())
    if base.system != card.name:
        yield f"{switch.scenario} is a scenario of {base.system}"
    off = load(switch.scenario, switch.variant, ())
    wanted = plain_of(read_text(value, "the card"))
    given = _settings(base, switch.variant)
    if path not in given:
        yield f"variant {quoted(switch.variant)} of {switch.scenario} does not set it"
    elif given[path] != wanted:
        yield f"variant {quoted(switch.variant)} of {switch.scenario} sets {path} to {given[path]!r}"
    if _value_at(base, path) == wanted:
        yield f"{switch.scenario} itself has it turned off"
    if f"fails {switch.check}" not in {each.expectation.text for each in off.expectations}:
        yield f"variant {quoted(switch.variant)} of {switch.scenario} does not expect `fails {switch.check}`"
    if not any(each.expectation.text.split()[1] == switch.check for each in base.expectations):
        yield f"{switch.scenario} does not judge {switch.check} while the protection is on"


def _figure(figure: Figure, card: Card, load: Load) -> Iterator[str]:
    scenario = load(figure.scenario, figure.variant, figure.overrides)
    if scenario.system != card.name:
        yield f"{figure.scenario} is a scenario of {scenario.system}"
    for text in (figure.statistic, figure.items_counted):
        if text:
            Measurement.parse(text).check(card)
    if figure.items and not figure.items_counted:
        measurement = Measurement.parse(figure.statistic)
        metric = (measurement.divisor or measurement.quantity).metric
        if card.metrics[metric].kind == "gauge":
            yield f"{metric} is a gauge and counts no items; say what does in items_counted"
    if figure.control is not None:
        yield from _control(figure.control, card)
    if not 0 < figure.tolerance < 1:
        yield f"the tolerance is a share of the published number, 0.04 for 4%, not {figure.tolerance}"
    if figure.seeds < 2:
        yield "one seed tells nothing of how far a number may be off; at least 2"
    if not figure.source:
        yield "a figure names who published it"
    try:
        if not figure.value:
            yield "the published number is 0, of which a relative tolerance means nothing"
    except (TypeError, ValueError, IndexError) as error:
        assert isinstance(figure.published, Law)
        yield f"{figure.published.in_words()}: {error}"


def _control(control: Control, card: Card) -> Iterator[str]:
    for event in control.events:
        if event not in card.events:
            yield f"the control is to hear {event_name(event)}, which {card.name} does not emit"
    if getattr(import_module(control.function.__module__), control.function.__name__, None) is not control.function:
        yield f"no worker would find the control {control.path}; it has to stand at the top level of a module"
    try:
        float(control.expectation)
    except (TypeError, ValueError, IndexError) as error:
        yield f"the control's expectation: {error}"


def _settings(scenario: Scenario, variant: str) -> dict[str, object]:
    """Return what `set:` of a variant says, by path."""
    variants = scenario.document.get("variants")
    entry = variants.entries.get(variant) if isinstance(variants, MappingNode) else None
    given = entry.node.get("set") if entry is not None and isinstance(entry.node, MappingNode) else None
    return {path: plain_of(each.node) for path, each in given.entries.items()} if isinstance(given, MappingNode) else {}


def _value_at(scenario: Scenario, path: str) -> object:
    """Return what stands at a path of the resolved file, or the default of the config that it is a part of."""
    section, _, rest = path.partition(".")
    role, _, key = rest.partition(".")
    found: object = scenario.config.get(role) if section == "config" else None
    for part in key.split("."):
        found = getattr(found, part, None)
    return found


def _row(switch: Switch) -> str:
    return f"{switch.setting} in {switch.scenario} {switch.variant}"


def _names(card: Card) -> Iterator[str]:
    return (each.name for each in card.figures)


def _twice(noun: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{noun} {quoted(name)} stands there twice"
        seen.add(name)


def _near(word: str, known: Iterable[str]) -> str:
    near = nearest_quoted(word, known)
    return f"; nearest: {near}" if near else ""
