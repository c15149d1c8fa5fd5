"""What `simkit list` shows: systems, scenarios and faults, and all there is to know about one of them.

Titles come from metadata, docstrings and the first lines of files; a system is imported only when it is asked for by
name.

It deliberately keeps no list of its own: whatever is installed is listed.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from simkit.card import Figure
from simkit.kernel import Distribution
from simkit.language.documented import field_lines, first_sentence, line_of
from simkit.language.library import Library
from simkit.language.problem import nearest_quoted, quoted
from simkit.language.units import format_distribution
from simkit.registry import NotInstalled, Registry

_TITLE = re.compile(r"^title:\s*(.+?)\s*(?:#.*)?$", re.MULTILINE)
_VARIANTS = re.compile(r"^variants:\s*\n((?:[ #].*\n|\n)+)", re.MULTILINE)
_VARIANT = re.compile(r"^  ([\w-]+):", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A titled table of rows; the first column is what a user types.

    `families` says of each row, if there are any, under which heading it stands; rows of one family follow each other.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    families: tuple[str, ...] = ()

    def in_words(self) -> Iterator[str]:
        """Yield its lines."""
        yield self.title
        widths = (
            [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]) - 1)] if self.rows else []
        )
        if not self.rows:
            yield "  none"
        for family, group in groupby(zip_longest(self.families, self.rows), key=itemgetter(0)):
            if family:
                yield f"  -- {family}"
            yield from (f"  {line}" for line in _aligned([row for _, row in group], widths))


@dataclass(frozen=True)
class Listing:
    """Several sections, as text or as JSON."""

    sections: tuple[Section, ...]
    heading: str = ""
    closing: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def in_words(self) -> str:
        """Return it for a terminal."""
        lines = [self.heading, ""] if self.heading else []
        for section in self.sections:
            lines += [*section.in_words(), ""]
        return "\n".join([*lines, self.closing] if self.closing else lines[:-1]).rstrip() + "\n"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            **self.facts,
            **{section.title.lower(): [list(row) for row in section.rows] for section in self.sections},
        }


_WIDTH = 116
_INDENT_MAX = 76


def _aligned(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    indent = sum(widths) + 2 * len(widths)
    for row in rows:
        head = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        if indent <= _INDENT_MAX:
            # The last column wraps under itself.
            yield from textwrap.wrap(head + row[-1], _WIDTH, subsequent_indent=" " * indent) or [head]
        else:
            # Too little room is left beside the others: it stands below, under the second column.
            below = " " * (widths[0] + 2)
            yield head.rstrip()
            yield from textwrap.wrap(row[-1], _WIDTH, initial_indent=below, subsequent_indent=below)


def catalogue(registry: Registry) -> Listing:
    """List everything that is installed."""
    library = Library()
    systems = tuple((name, registry.title(name)) for name in registry.systems())
    scenarios = tuple((name, _title(text), _variants(text)) for name, text in _texts(library))
    known = sorted(registry.faults().items(), key=lambda each: (_family(each[1]), each[0]))
    faults = tuple((word, _summary(fault)) for word, fault in known)
    families = tuple(_family(fault) for _, fault in known)
    closing = "simkit list NAME tells more of a system or a fault; simkit run NAME runs a scenario."
    return Listing(
        (Section("Systems", systems), Section("Scenarios", scenarios), Section("Faults", faults, families)),
        closing=closing,
    )


def _family(fault: type) -> str:
    """The first sentence of the module that a fault stands in, up to what it enumerates."""
    return first_sentence(sys.modules[fault.__module__]).rstrip(".").partition(":")[0]


def entry(registry: Registry, word: str) -> Listing:
    """Tell everything of one system or fault. KeyError with a text for the user if there is none."""
    if word in registry.systems():
        return _system(registry, word)
    if word in registry.faults():
        return _fault(registry, word)
    near = nearest_quoted(word, [*registry.systems(), *registry.faults()])
    raise KeyError(f"no system or fault is called {quoted(word)}" + (f"; nearest: {near}" if near else ""))


def _system(registry: Registry, name: str) -> Listing:
    try:
        card = registry.card(name)
    except NotInstalled as error:
        raise KeyError(str(error)) from error
    scenarios = tuple((each, _title(text)) for each, text in _texts(Library()) if each.startswith(f"{name}/"))
    sections = [
        Section("Scenarios", scenarios),
        Section("Roles", tuple((word, role.doc) for word, role in card.roles.items())),
        *(Section(f"config.{word}", _fields(role.config)) for word, role in card.roles.items() if _fields(role.config)),
        *([Section("load", _fields(card.load))] if card.load is not None else []),
        Section("Checks", tuple((word, _summary(check)) for word, check in card.checks.items())),
        Section("Events", tuple((str(e.__struct_config__.tag), _summary(e)) for e in card.events)),
        Section("Fault points", tuple(card.points.items())),
        Section("Metrics", tuple((word, m.kind, m.unit, m.doc) for word, m in card.metrics.items())),
        Section("Switches", tuple((s.setting, s.protects, f"breaks {s.check} in {s.scenario}") for s in card.switches)),
        Section("Figures", tuple((f.name, _published(f), f.source) for f in card.figures)),
    ]
    return Listing(
        tuple(sections), heading=f"{card.name}: {card.title}", facts={"name": card.name, "title": card.title}
    )


def _fault(registry: Registry, word: str) -> Listing:
    fault = registry.faults()[word]
    heading = f"{word} ({fault.kind}, aimed at {fault.target})\n\n{inspect.cleandoc(fault.__doc__ or '')}"
    facts = {"name": word, "kind": fault.kind, "target": fault.target, "doc": fault.__doc__ or ""}
    return Listing((Section("Fields", _fields(fault)),), heading=heading, facts=facts)


def _fields(model: Any) -> tuple[tuple[str, str, str], ...]:
    lines = field_lines(model)
    rows = []
    for name, each in model.model_fields.items():
        key = each.alias or name
        rows.append((key, _default(each), line_of(lines.get(key, ""), each.annotation)))
    return tuple(rows)


def _default(one: Any) -> str:
    if one.is_required():
        return "required"
    value = one.default
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel):
        return "optional"
    if isinstance(value, Distribution):
        return f"default {format_distribution(value)}"
    return f"default {str(value).lower() if isinstance(value, bool) else value}"


def _published(figure: Figure) -> str:
    return f"{figure.value:.5g} {figure.unit}".rstrip() + f" ±{100 * figure.tolerance:.3g}%"


def _summary(documented: object) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = " ".join((documented.__doc__ or "").strip().partition("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")


def _texts(library: Library) -> Iterable[tuple[str, str]]:
    for name in library.names():
        source = library.find(name)
        if source is not None:
            yield name, source.path.read_text(encoding="utf-8", errors="replace")


def _title(text: str) -> str:
    match = _TITLE.search(text)
    return match[1] if match else ""


def _variants(text: str) -> str:
    match = _VARIANTS.search(text)
    return "variants: " + ", ".join(_VARIANT.findall(match[1])) if match else ""
