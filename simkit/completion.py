"""What the shell offers when a user presses Tab: scenarios, their variants, systems, faults, run folders.

It deliberately completes names only. A value after ``--set`` is one of too many, and `check` answers it better. What is
heavy is imported on Tab, because every command imports this.
"""

from pathlib import Path

import click
from click.shell_completion import CompletionItem


def scenarios(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the installed scenarios that begin so; files and run folders are the shell's own business."""
    from simkit.language.library import Library

    names = [name for name in Library().names() if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def variants(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the variants of the scenarios that stand on the line already."""
    # A line that ends in an option without its value is no whole command: click leaves its words in `args`.
    targets = (*(context.params.get("targets") or ()), *context.args)
    found = dict.fromkeys(name for target in targets for name in _variants_of(target))
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def _variants_of(target: str) -> list[str]:
    from simkit.language.library import Library, read_source
    from simkit.language.problem import ScenarioError
    from simkit.language.text import MappingNode

    try:
        trees = [read_source(source) for source in Library().locate(target)]
    except ScenarioError:
        return []
    sections = [tree.entries["variants"].node for tree in trees if "variants" in tree.entries]
    return [name for section in sections if isinstance(section, MappingNode) for name in section.entries]


def systems(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the systems, each with its title."""
    from simkit.registry import Registry

    registry = Registry()
    names = [name for name in registry.systems() if name.startswith(incomplete)]
    return [CompletionItem(name, help=registry.title(name)) for name in names]


def systems_and_faults(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return everything that `simkit list` can tell more about."""
    from simkit.registry import Registry

    faults = [name for name in Registry().faults() if name.startswith(incomplete)]
    return systems(context, parameter, incomplete) + [CompletionItem(name) for name in faults]


def lessons(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the lessons, each with its title."""
    from simkit.teaching.lesson import lessons as known

    return [CompletionItem(name, help=each.title) for name, each in known().items() if name.startswith(incomplete)]


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the folders of runs below the folder that is named, or below `runs/`."""
    place = Path(incomplete).parent if "/" in incomplete else Path("runs")
    folders = sorted(found.parent.as_posix() for found in place.glob("*/run.json"))
    fitting = [folder for folder in folders if folder.startswith(incomplete)]
    return [CompletionItem(folder) for folder in fitting] or [CompletionItem(incomplete, type="dir")]


def formats(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what a run can be exported as."""
    from simkit.export.formats import formats as known

    return [CompletionItem(name, help=each.title) for name, each in known().items() if name.startswith(incomplete)]
