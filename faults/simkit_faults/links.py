"""Which directed links a fault of the network covers, and how it is undone.

Names are of hosts only, whatever groups and zones are called: targets have been resolved before a fault begins.

It deliberately holds no fault; it is what several families are made of.
"""

from collections.abc import Callable, Iterator
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
