"""Which directed links a fault of the network covers, and how it is undone.

Names are of hosts only, whatever groups and zones are called: targets have been resolved before a fault begins.

It deliberately holds no fault; it is what several families are made of.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from simkit.fault import Arena, Link
from simkit.network.topology import Placed


@dataclass(frozen=True)
class Links:
    """The selector of exactly these directed links."""

    names: frozenset[tuple[str, str]]

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `simkit.network.selector.Selector`."""
        return (source.name, target.name) in self.names


@dataclass(frozen=True)
class Around:
    """The selector of every link of these hosts, to the outside and among each other; or of one direction of them."""

    names: frozenset[str]
    outgoing: bool = True
    incoming: bool = True

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `simkit.network.selector.Selector`."""
        return (self.outgoing and source.name in self.names) or (self.incoming and target.name in self.names)


@dataclass(frozen=True)
class RingLinks:
    """The selector of all links between hosts of a ring that are more than `reach` places apart."""

    places: Mapping[str, int]
    reach: int

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `simkit.network.selector.Selector`."""
        here, there = self.places.get(source.name), self.places.get(target.name)
        if here is None or there is None:
            return False
        apart = abs(here - there)
        return min(apart, len(self.places) - apart) > self.reach


@dataclass(frozen=True)
class Sides:
    """The selector of all links between two sides; who is on neither is not meant."""

    left: frozenset[str]
    right: frozenset[str]

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `simkit.network.selector.Selector`."""
        return (source.name in self.left and target.name in self.right) or (
            source.name in self.right and target.name in self.left
        )


def selected(links: tuple[Link, ...]) -> Links:
    """Return the selector of the links of a fault."""
    return Links(frozenset((source.name, target.name) for source, target in links))


def named(arena: Arena) -> str:
    """Return what the network's streams of this fault are called: as the fault, so that no other shares its draws."""
    return arena.stream.name.removeprefix("fault/")


@contextmanager
def laid(undo: Callable[[], None]) -> Iterator[None]:
    """Undo an overlay when the context closes."""
    try:
        yield
    finally:
        undo()
