"""Loading a scenario: from FILE or NAME to a checked, immutable `Scenario`.

The file is put over what it extends, then a variant and the overrides of the command line over that, and the result is
read as one. Deliberately no world is made and nothing is drawn: two loads of one file are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simkit.language.binding import bind
from simkit.language.library import Library, Source, read_extended, without
from simkit.language.limits import DEFAULT_LIMITS, Limits
from simkit.language.model import VariantModel
from simkit.language.overlay import overlay, set_path
from simkit.language.problem import Position, Problem, Refusal, ScenarioError, listed, nearest_quoted, quoted
from simkit.language.reader import Reader
from simkit.language.resolved import LoadSpec, Scenario, Sweep
from simkit.language.text import MappingNode, Node, moved, read_text, write_text
from simkit.language.vocabulary import Registry

__all__ = ["LoadSpec", "Scenario", "Sweep", "dump", "load_scenario", "load_source", "override"]


def dump(scenario: Scenario) -> str:
    """The scenario as resolved, as YAML: no `extends`, the seed written out; loading it gives an equal scenario."""
    return write_text(scenario.document)


def load_scenario(
    path_or_name: str | Path,
    *,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    registry: Registry,
    library: Library | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Scenario:
    """Read one scenario by FILE or installed NAME.

    Args:
        variant: a name under `variants:`, or None for the file as it stands.
        overrides: `PATH=VALUE` as given to `--set`, applied after the variant.
        seed: instead of the file's.

    Raises:
        ScenarioError: for everything that is wrong with the file, its places in it.
    """
    library = library or Library()
    sources = library.locate(path_or_name)
    if len(sources) != 1:
        raise ScenarioError(Problem(Position(str(path_or_name), 0, 0), "a folder; name one scenario in it"))
    return load_source(
        sources[0], variant=variant, overrides=overrides, seed=seed, registry=registry, library=library, limits=limits
    )


def load_source(
    source: Source,
    *,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    registry: Registry,
    library: Library | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Scenario:
    """Like `load_scenario`, for a file that `Library.locate` found."""
    tree = read_extended(source, library or Library(), limits)
    reader = Reader(source, registry, limits)
    chosen = tree if variant is None else _with_variant(tree, variant, source)
    for text in overrides:
        chosen = override(chosen, text, limits)
    if seed is not None:
        chosen = override(chosen, f"seed={seed}", limits)
    scenario = reader.read(chosen, variant)
    if variant is None and not overrides:
        _check_variants(tree, scenario, source, reader)
    return replace(scenario, changes=(*_settings(tree, variant), *overrides))


def _settings(tree: MappingNode, variant: str | None) -> list[str]:
    """Return what the `set:` of a variant says, as PATH=VALUE."""
    node: Node | None = tree
    for key in ("variants", variant or "", "set"):
        node = node.get(key) if isinstance(node, MappingNode) else None
    entries = node.entries.items() if isinstance(node, MappingNode) else ()
    return [f"{path}={' '.join(write_text(entry.node).split())}" for path, entry in entries]


def override(tree: MappingNode, text: str, limits: Limits = DEFAULT_LIMITS) -> MappingNode:
    """Apply one `PATH=VALUE`; the value is YAML. Raises `ScenarioError` naming the option."""
    place = Position(f"--set {text[:80]}", 0, 0)
    path, equals, value = text.partition("=")
    if not equals:
        raise ScenarioError(Problem(place, "write PATH=VALUE, for example `faults.gc.for=60s`"))
    try:
        node = read_text(value if value.strip() else "null", place.file, limits)
    except ScenarioError as error:
        raise ScenarioError(Problem(place, error.message)) from None
    return set_path(tree, path.strip(), moved(node, place), place)


def _with_variant(tree: MappingNode, name: str, source: Source) -> MappingNode:
    """The tree with one variant put over it; the other variants and the sweep are gone."""
    section = tree.get("variants")
    known = section.entries if isinstance(section, MappingNode) else {}
    entry = known.get(name)
    if entry is None:
        there = f"; there are {listed(known)}" if known else "; the file has none"
        problem = Refusal(f"unknown variant {quoted(name)}{there}", nearest_quoted(name, known))
        raise ScenarioError(problem.at(Position(source.shown, 0, 0)))
    problems: list[Problem] = []
    model = bind(VariantModel, entry.node, f"variants.{name}", problems)
    if model is None or not isinstance(entry.node, MappingNode):
        raise ScenarioError(problems or Problem(entry.key_position, f"variant {quoted(name)} is a map"))
    changed = overlay(without(tree, "variants", "sweep"), without(entry.node, "set", "title"))
    assert isinstance(changed, MappingNode)
    settings = entry.node.get("set")
    for path, setting in settings.entries.items() if isinstance(settings, MappingNode) else ():
        changed = set_path(changed, path, setting.node, setting.key_position)
    return changed


def _of_variant(name: str, problem: Problem, tree: MappingNode, source: Source) -> Problem:
    """The problem of a variant; one that the file inherited is told how to leave it out."""
    section = tree.get("variants")
    assert isinstance(section, MappingNode)
    inherited = section.entries[name].key_position.file != source.shown
    way = f" (inherited; {quoted(f'variants: {{{name}: null}}')} leaves it out)" if inherited else ""
    return replace(problem, message=f"variant {quoted(name)}{way}: {problem.message}")


def _check_variants(tree: MappingNode, scenario: Scenario, source: Source, reader: Reader) -> None:
    """A variant that cannot run is an error of the file, found before anything runs."""
    problems: list[Problem] = []
    for name in scenario.variants:
        try:
            reader.read(_with_variant(tree, name, source), name)
        except ScenarioError as error:
            problems += [_of_variant(name, each, tree, source) for each in error.problems]
        if len(problems) >= reader.limits.problems:
            break
    if problems:
        raise ScenarioError(problems, reader.limits.problems)
