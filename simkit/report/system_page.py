"""The page of a system, as Markdown, generated from its card.

`docs/systems/NAME.md` is written by people and holds one generated part between two comments: roles, settings, loads,
checks, events, metrics, switches and figures, each with the line that its own code carries. `renewed` puts a fresh one
in its place and leaves every other line as it is.

It deliberately tells no story: what to run first, what is real and what is simplified, people write above it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from simkit.card import Card, Figure, Law
from simkit.language.documented import first_sentence
from simkit.language.reference import field_table, setting_tables, table
from simkit.language.vocabulary import event_names
from simkit.registry import NotInstalled, Registry
from simkit.report.catalogue import entry

BEGIN = "<!-- generated from the card by `simkit check --system-page`: do not edit between these two comments -->"
END = "<!-- end of the generated part -->"


def system_page(registry: Registry, system: str) -> str:
    """Return the generated part, both comments included, ending in a line break.

    ValueError with a text for the user if there is no such system, or its libraries are missing.
    """
    if system not in registry.systems():
        raise ValueError(f"no such system; there are {', '.join(registry.systems())}")
    try:
        card = registry.card(system)
    except NotInstalled as error:
        raise ValueError(str(error)) from error
    scenarios = next((each.rows for each in entry(registry, system).sections if each.title == "Scenarios"), ())
    return "\n".join([BEGIN, "", *_sections(card, scenarios), END, ""])


def renewed(page: str, generated: str) -> str:
    """Return a page with its generated part replaced; one that has none gets it at the end.

    ValueError for a page with only one of the two comments.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin and END not in page:
        return (page.rstrip() + "\n\n" if page.strip() else "") + generated
    if not (begin and end):
        raise ValueError("one of the two comments around the generated part is missing")
    return before + generated.rstrip() + after


def write_page(registry: Registry, system: str, path: Path) -> None:
    """Renew the page at `path`, or begin it with the card's title. ValueError as above."""
    generated = system_page(registry, system)
    old = path.read_text(encoding="utf-8") if path.exists() else f"# {registry.card(system).title}\n"
    path.write_text(renewed(old, generated), encoding="utf-8")


def _sections(card: Card, scenarios: Sequence[Sequence[str]]) -> Iterator[str]:
    if scenarios:
        yield "## Scenarios\n"
        yield from table(("scenario", "what it shows"), [(_code(name), title) for name, title, *_ in scenarios])
    yield "## Roles\n"
    roles = [(_code(name), role.doc, "yes" if role.takes_load else "") for name, role in card.roles.items()]
    yield from table(("role", "what it does", "takes load"), roles)
    for name, role in card.roles.items():
        if role.config.model_fields:
            yield from setting_tables(f"config.{name}", role.config)
    if card.load is not None:
        yield "### An entry of `load:`\n"
        yield from field_table(card.load)
    if card.checks:
        yield "## Checks\n"
        checks = [(_code(name), first_sentence(check)) for name, check in card.checks.items()]
        yield from table(("check", "what it claims"), checks)
    if card.events:
        yield "## Events\n"
        names = event_names(card)
        events = [(_code(name), first_sentence(each)) for name, each in zip(names, card.events, strict=True)]
        yield from table(("event", "when"), events)
    if card.points:
        yield "## Fault points\n"
        points = [(_code(name), doc) for name, doc in card.points.items()]
        yield from table(("point", "what a crash there finds"), points)
    if card.metrics:
        yield "## Metrics\n"
        metrics = [(_code(name), each.kind, each.unit, each.doc) for name, each in card.metrics.items()]
        yield from table(("metric", "kind", "unit", "what it measures"), metrics)
    if card.plots:
        yield "## Plots\n"
        plots = [(_code(each.name), first_sentence(each)) for each in card.plots]
        yield from table(("figure of its own", "what it shows"), plots)
    yield from _claims(card)


def _claims(card: Card) -> Iterator[str]:
    if card.switches:
        yield "## Switches\n"
        yield f"Each turns one protection off; `simkit audit {card.name} --switches` tries them all.\n"
        rows = [
            (_code(each.setting), each.protects, _code(each.check), _scenario(each.scenario), _code(each.variant))
            for each in card.switches
        ]
        yield from table(("setting", "what it protects", "check that breaks", "scenario", "variant"), rows)
    if card.figures:
        yield "## Figures\n"
        yield f"Published numbers that the system reproduces; `simkit audit {card.name} --figures` measures them.\n"
        heads = ("figure", "published", "tolerance", "source", "measured as", "in", "seeds")
        yield from table(heads, [_figure(each) for each in card.figures])


def _figure(figure: Figure) -> tuple[str, ...]:
    by = f" = {_code(figure.published.in_words())}" if isinstance(figure.published, Law) else ""
    changes = [each for each in (figure.variant, *figure.overrides) if each]
    return (
        figure.name,
        f"{figure.value:.5g} {figure.unit}".rstrip() + by,
        f"±{100 * figure.tolerance:.3g}%",
        figure.source,
        _code(figure.statistic),
        _scenario(figure.scenario) + "".join(f", {_code(each)}" for each in changes),
        f"{figure.seeds}" + (f", at least {figure.items:,} items" if figure.items else ""),
    )


def _scenario(name: str) -> str:
    """Return a scenario as a reader knows it; one outside the library by its file alone, not by somebody's folders."""
    return _code(Path(name).name if Path(name).is_absolute() else name)


def _code(text: str) -> str:
    return f"`{text}`"
