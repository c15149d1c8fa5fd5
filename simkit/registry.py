"""Which systems and faults there are, found by the entry points of installed packages.

Names come from the metadata alone, so that listing them imports nothing. A system of the user's own, outside any
package, is named on the command line as ``MODULE:CARD``, never in a scenario file: a file is data.

It deliberately caches nothing between processes and searches no folders.
"""

import ast
import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from simkit.card import Card
from simkit.fault import Fault

SYSTEMS = "simkit.systems"
FAULTS = "simkit.faults"


class NotInstalled(Exception):
    """A system or fault that is known, but whose libraries are missing."""


class Registry:
    """The systems and faults that a scenario file may name.

    Args:
        systems: further systems as ``MODULE:CARD``.
        cards: further systems that are already at hand.
    """

    def __init__(self, systems: Iterable[str] = (), cards: Iterable[Card] = ()) -> None:
        self._own: dict[str, Card] = {card.name: card for card in cards}
        self.references = tuple(systems)
        """The further systems as ``MODULE:CARD``."""
        for reference in self.references:
            card = self._load_reference(reference)
            self._own[card.name] = card

    @staticmethod
    def _load_reference(reference: str) -> Card:
        module_name, _, attribute = reference.partition(":")
        if not attribute:
            raise ValueError(f"a system is named MODULE:CARD, not `{reference}`")
        card = getattr(importlib.import_module(module_name), attribute)
        if not isinstance(card, Card):
            raise ValueError(f"`{reference}` is not a simkit.card.Card")
        return card

    @cached_property
    def _entry_points(self) -> Mapping[str, EntryPoint]:
        return {point.name: point for point in sorted(entry_points(group=SYSTEMS))}

    def systems(self) -> tuple[str, ...]:
        """Return the names of all systems, sorted."""
        return tuple(sorted({*self._entry_points, *self._own}))

    def card(self, system: str) -> Card:
        """Return a system's card. KeyError if there is none; NotInstalled if its extra is missing."""
        if system in self._own:
            return self._own[system]
        try:
            card = self._entry_points[system].load()
        except ModuleNotFoundError as error:
            extra = f"pip install 'simkit-dst[{system.replace('_', '-')}]'"
            raise NotInstalled(f"system `{system}` needs `{error.name}`, which is not installed: {extra}") from error
        assert isinstance(card, Card)
        return card

    def title(self, system: str) -> str:
        """Return one line about a system, from the first line of its package's docstring, without importing it."""
        if system in self._own:
            return self._own[system].title
        package = self._entry_points[system].module.rpartition(".")[0]
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            return ""
        docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
        return (docstring or "").partition("\n")[0]

    def faults(self) -> Mapping[str, type[Fault]]:
        """Return every fault by its word, in alphabetical order."""
        return self._faults

    @cached_property
    def _faults(self) -> Mapping[str, type[Fault]]:
        return {point.name: point.load() for point in sorted(entry_points(group=FAULTS))}
