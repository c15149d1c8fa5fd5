"""The reference page of the language, as Markdown, generated from the models that read files.

Every key, unit, phrase, fault and installed system, each with the line its own model carries. Deliberately no prose of
its own beyond one example per grammar: what is not in the models is not in the language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from simkit.kernel.distribution import Distribution
from simkit.language import links, model, units
from simkit.language.documented import field_lines, first_sentence, line_of, models_in
from simkit.language.duration import TIME_UNITS
from simkit.language.expectation import STATISTICS, WINDOWS
from simkit.language.limits import DEFAULT_LIMITS, Limits
from simkit.language.vocabulary import (
    CardWords,
    Registry,
    dynamic_roles,
    event_names,
    fault_kind,
    point_names,
    target_kind,
)
from simkit.registry import NotInstalled

NESTING = 4

_PARTS: Sequence[tuple[str, type[BaseModel]]] = (
    ("A scenario file", model.ScenarioModel),
    ("An entry of `hosts:`", model.HostModel),
    ("`clock:` of a host", model.ClockModel),
    ("An entry of `budget:`", model.BudgetModel),
    ("`swarm:`", model.SwarmModel),
    ("`network:`", links.NetworkModel),
    ("A link of `network:`", links.LinkModel),
    ("`bursts:` of a link", links.BurstsModel),
    ("`duplicate:` of a link", links.DuplicateModel),
    ("`reorder:` of a link", links.ReorderModel),
    ("`corrupt:` of a link", links.CorruptModel),
    ("`codel:` of a link", links.CoDelModel),
    ("`tcp:` of the network", links.TcpModel),
    ("`matrix:` of the network", links.MatrixModel),
    ("`graph:` of the network", links.GraphModel),
    ("An entry of `variants:`", model.VariantModel),
    ("`sweep:`", model.SweepModel),
    ("`limits:`", model.RunLimits),
)
_TARGETS: Sequence[tuple[str, str]] = (
    ("workers-2", "one host"),
    ("workers, all workers", "a group"),
    ("a, zone a, rack r1, region eu", "every host of a zone, rack or region"),
    ("workers in a", "the part of a group in one zone, rack or region"),
    ("any zone, workers in any rack", "a zone, rack or region that is drawn, as a whole: what fails together"),
    ("any 2 of workers", "two, drawn anew at each strike"),
    ("70% of workers", "a share, rounded, at least one"),
    ("minority of stores, majority of stores", "the largest minority, the smallest majority"),
    ("leader, leader of range 7", "whoever holds a role then, for systems that declare it"),
    ("stores but leader, minority of stores but zone a", "without some; a share is still one of the whole"),
    ("there", "the host of the event or fault point that `at:` waits for"),
    ("a <-> b, a -> b", "links, both ways or one way"),
    ("london, paris <-> london", "routers, and links of the mesh, for faults that strike those"),
    ("[[a], [b]], [[a]]", "groups cut from each other; one alone stands against the rest"),
)
_MOMENTS: Sequence[tuple[str, str]] = (
    ("40s", "after the start"),
    ("5s after split", "after another fault begins"),
    ("5s after split ends", "after it ends"),
    ("when plan.apply", "the first time an event is seen"),
    ("12th plan.apply on enactors-1", "the 12th time, on one host"),
    ("3rd point after-write on broker, when point disk.sync", "a fault point; the step never goes on from there"),
    ("2s after 12th plan.apply", "a delay after that"),
    ("every: 10s, every: exp(10min)", "again and again; without `at:` first after one interval"),
    ("every: exp(10min) each", "for every host of the target by itself"),
)
_EXPECTATIONS: Sequence[tuple[str, str]] = (
    ("always CHECK", "never violated"),
    ("eventually CHECK within 2min", "its goal is reached that soon after the last fault heals"),
    ("sometimes EVENT", "seen at least once"),
    ("METRIC p99 < 2s in steady", f"statistics {' '.join(STATISTICS)}; windows {' '.join(WINDOWS)}, `all` if left out"),
    ("fails CHECK", "must be violated"),
    ("drop SUBJECT", "in a variant or a file that extends another: an inherited line no longer holds"),
)
_WINDOWS: Sequence[tuple[str, str]] = (
    ("steady", "from the end of the warm-up to the first fault"),
    ("faults", "from the first fault to the moment when the last one heals, whatever lies between"),
    ("recovery", "from there to the end of the run"),
    ("all", "everything after the warm-up"),
)
_UNITS: Sequence[tuple[str, Mapping[str, Any], str]] = (
    ("duration", TIME_UNITS, "90s"),
    ("size", units.BYTE_UNITS, "64KiB"),
    ("bandwidth", units.BIT_UNITS, "1Gbit/s"),
    ("fraction, drift", units.SHARE_UNITS, "0.01%"),
    ("rate", {f"/{period}": 0 for period in units.PERIODS}, "17/s total, 3/s each"),
)


def reference_page(registry: Registry) -> str:
    """The whole page, ending in a newline."""
    return "\n".join(_page(registry)).rstrip() + "\n"


def _page(registry: Registry) -> Iterator[str]:
    yield "# Scenario files: reference\n"
    yield "Generated from the models; `simkit check --schema` prints the same as JSON Schema.\n"
    for title, part in _PARTS:
        yield f"## {title}\n"
        yield from field_table(part)
    for title, rows in (
        ("Targets", _TARGETS), ("Times", _MOMENTS), ("Expectations", _EXPECTATIONS), ("Windows", _WINDOWS),
    ):  # fmt: skip
        yield f"## {title}\n"
        yield from table(("written", "means"), [(_code(written), meaning) for written, meaning in rows])
    yield "An operation belongs to the window in which it starts.\n"
    yield "## Units\n"
    quantities = [(noun, " ".join(known), _code(example)) for noun, known, example in _UNITS]
    yield from table(("quantity", "units", "example"), quantities)
    shapes = "`40ms`, `exp(1s)`, `uniform(1s, 2s)`, `normal(10ms, 2ms)`, `lognormal(0.5ms, 4ms)`"
    yield f"Distributions: {shapes}; `{{median: 0.5ms, p99: 4ms}}` is the last one;"
    yield "`{samples: [1ms, 2ms, 9ms]}` and `{quantiles: [...]}` (at equal steps) give what was measured.\n"
    yield "A bare number is refused.\n"
    yield from _all_faults(registry)
    for system in registry.systems():
        yield from _system(system, registry)
    yield "## Limits of the reader\n"
    yield from table(("limit", "of", "at most"), [_limit(name) for name in Limits.model_fields])


def field_table(part: type[BaseModel]) -> Iterator[str]:
    """A model's fields as a Markdown table: key, what it is, default."""
    fields = part.model_fields.items()
    if not fields:
        yield "Nothing to set.\n"
        return
    lines = field_lines(part)
    keys = [(field.alias or name, field) for name, field in fields]
    rows = [(f"`{key}`", line_of(lines.get(key, ""), field.annotation), _default(field)) for key, field in keys]
    yield from table(("key", "what", "default"), rows)


def _default(field: Any) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if value is PydanticUndefined or value is None or value == () or value == {} or isinstance(value, BaseModel):
        return ""
    if isinstance(value, Distribution):
        return _code(units.format_distribution(value))
    return _code(str(value).lower() if isinstance(value, bool) else str(value))


def _all_faults(registry: Registry) -> Iterator[str]:
    yield "## Faults\n"
    rows = []
    for word, fault in registry.faults().items():
        lines = field_lines(fault)
        own = "; ".join(
            f"`{key}`: {line_of(lines[key], field.annotation)}" if key in lines else f"`{key}`"
            for key, field in ((field.alias or name, field) for name, field in fault.model_fields.items())
        )
        rows.append((f"`{word}`", fault_kind(fault), target_kind(fault), own, first_sentence(fault)))
    yield from table(("word", "kind", "aimed at", "own keys", "what happens"), rows)
    yield "A condition needs `for:`, `until:` or `forever: true`; an act has nothing to heal; a plan ends by itself.\n"


def _system(system: str, registry: Registry) -> Iterator[str]:
    yield f"## System `{system}`\n"
    try:
        card: CardWords = registry.card(system)
    except NotInstalled as error:
        yield f"{error}\n"
        return
    for role, words in card.roles.items():
        yield from setting_tables(f"config.{role}", words.config)
    if card.load is not None:
        yield "### An entry of `load:`\n"
        yield from field_table(card.load)
    for noun, names in (
        ("Checks", card.checks),
        ("Events", event_names(card)),
        ("Fault points", point_names(card)),
        ("Metrics", card.metrics),
        ("Dynamic roles", dynamic_roles(card)),
    ):
        if names:
            yield f"{noun}: {', '.join(f'`{name}`' for name in names)}.\n"


def setting_tables(path: str, part: type[BaseModel], depth: int = 0) -> Iterator[str]:
    """A heading and a table for a config, and for each model inside it."""
    yield f"### `{path}`\n"
    yield from field_table(part)
    for name, field in part.model_fields.items():
        for nested in models_in(field.annotation) if depth < NESTING else ():
            yield from setting_tables(f"{path}.{field.alias or name}", nested, depth + 1)


def _limit(name: str) -> tuple[str, str, str]:
    return (f"`{name}`", Limits.model_fields[name].description or "", f"{getattr(DEFAULT_LIMITS, name):,}")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _code(text: str) -> str:
    return ", ".join(f"`{part}`" for part in text.split(", ")) if "(" not in text and "[" not in text else f"`{text}`"
