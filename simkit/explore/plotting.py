"""A system's own figures at work: every plot of its card watches the run, and gives a picture at the end.

It deliberately lets no figure spoil a run: a plot that raises is left out, and the run document names it.
"""

from collections.abc import Mapping
from typing import Any, cast

from simkit.card import Card
from simkit.checks.onlooker import Sight
from simkit.kernel import Record, World
from simkit.node import Event
from simkit.observe.picture import Picture

PICTURES_MAX = 12


class Plotter:
    """Watches a world for the plots of a card.

    Attributes:
        failed: what was wrong with plots that raised, by their name.
    """

    def __init__(self, world: World, card: Card, config: Mapping[str, Any]) -> None:
        self.failed: dict[str, str] = {}
        self._plots = [plot() for plot in card.plots[:PICTURES_MAX]]
        self._sights: dict[type[Event], tuple[tuple[str, Sight], ...]] = {}
        for plot in self._plots:
            plot.prepare(config)
        if self._plots:
            world.records.subscribe(("event",), self._heard)

    def pictures(self, end_ns: int) -> tuple[Picture, ...]:
        """Return the figures when the run has ended, within their limits."""
        found = []
        for plot in self._plots:
            if plot.name in self.failed:
                continue
            try:
                picture = plot.picture(end_ns)
            except Exception as error:
                self._fails(plot.name, error)
                continue
            if picture is not None:
                found.append(picture.bounded())
        return tuple(found)

    def _heard(self, record: Record) -> None:
        event = cast(Event, record.value)
        kind = type(event)
        sights = self._sights.get(kind)
        if sights is None:
            sights = tuple((plot.name, see) for plot in self._plots for see in plot.sights(kind))
            self._sights[kind] = sights
        for name, see in sights:
            try:
                see(record.time_ns, record.host, event)
            except Exception as error:
                self._fails(name, error)

    def _fails(self, name: str, error: Exception) -> None:
        self.failed.setdefault(name, f"{type(error).__name__}: {error}")
        for kind, sights in self._sights.items():
            self._sights[kind] = tuple(each for each in sights if each[0] != name)
