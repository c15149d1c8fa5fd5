"""Which ordered pairs of hosts a condition of the network covers.

A name stands for the host, and for every host of the group or zone of that name. A host always reaches itself: no
selector covers the pair of a host with itself, which `path.py` sees to.

It deliberately does not know targets of scenario files such as ``any 2 of workers``: those are resolved to names first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from simkit.network.topology import Placed, names_of


class Selector(Protocol):
    """Anything that says which ordered pairs it covers."""

    def covers(self, source: Placed, target: Placed) -> bool:
        """Return True if packets from `source` to `target` are meant."""
        ...


@dataclass(frozen=True)
class Between:
    """Hosts of different groups; hosts that stand in no group are not meant.

    With `one_way`, only packets from an earlier group to a later one.
    """

    groups: tuple[frozenset[str], ...]
    one_way: bool = False

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `Selector.covers`."""
        here, there = self._group(source), self._group(target)
        if here is None or there is None:
            return False
        return here < there if self.one_way else here != there

    def _group(self, host: Placed) -> int | None:
        # The most specific name decides: a host may be taken out of the group or zone it belongs to.
        for name in names_of(host):
            for number, group in enumerate(self.groups):
                if name in group:
                    return number
        return None


@dataclass(frozen=True)
class Pairs:
    """Pairs of names, in both directions unless `one_way`."""

    pairs: frozenset[tuple[str, str]]
    one_way: bool = False

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `Selector.covers`."""
        return any(
            (s, t) in self.pairs or (not self.one_way and (t, s) in self.pairs)
            for s in names_of(source)
            for t in names_of(target)
        )


@dataclass(frozen=True)
class Touching:
    """Every packet to or from the named hosts; with `outgoing` or `incoming` False, only the other direction."""

    names: frozenset[str]
    outgoing: bool = True
    incoming: bool = True

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `Selector.covers`."""
        return (self.outgoing and not self.names.isdisjoint(names_of(source))) or (
            self.incoming and not self.names.isdisjoint(names_of(target))
        )


@dataclass(frozen=True)
class Everything:
    """Every pair."""

    def covers(self, source: Placed, target: Placed) -> bool:
        """See `Selector.covers`."""
        return True


def between(groups: Iterable[Iterable[str]], *, one_way: bool = False) -> Between:
    """Return the selector of a partition into `groups`; ValueError if there are fewer than two, or a name is in two."""
    frozen = tuple(frozenset(group) for group in groups)
    if len(frozen) < 2:
        raise ValueError("a partition needs at least two groups")
    if sum(map(len, frozen)) != len(frozenset().union(*frozen)):
        raise ValueError("a name stands in two groups of one partition")
    return Between(frozen, one_way)


def pairs(names: Iterable[tuple[str, str]], *, one_way: bool = False) -> Pairs:
    """Return the selector of the given pairs."""
    return Pairs(frozenset(names), one_way)


def touching(*names: str) -> Touching:
    """Return the selector of everything to and from the named hosts."""
    return Touching(frozenset(names))
