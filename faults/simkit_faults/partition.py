"""Shapes of partitions: isolate, bridge, ring.

They are aimed at hosts and work out by themselves which links are cut: of those among the hosts, for `isolate` of
those to everybody. Who sees whom is a property of the cluster, so the hosts are one group and not two sides.

Two sides, one link and one direction are deliberately not here: that is `partition` itself, with such targets.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import Field

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit_faults.links import Around, RingLinks, Sides, laid

DRAWN_MAX = 60
"""Hosts of a ring of which it is told which links are cut; the report draws no more lines than these have."""


class Isolate(Condition):
    """Each of the hosts is cut off from everybody else, in both directions or in one.

    Seen: Bailis and Kingsbury, "The Network is Reliable", ACM Queue 2014, tell of a network card that dropped inbound
    packets and went on sending heartbeats, so that its host kept its role and did not do its work.
    """

    word = "isolate"

    direction: Literal["both", "in", "out"] = "both"
    """both: nothing gets through. in: the hosts hear nobody. out: nobody hears them."""
    reject: bool = False
    """Answer packets with ICMP host unreachable instead of dropping them."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        names = frozenset(host.name for host in targets)
        around = Around(names, outgoing=self.direction != "in", incoming=self.direction != "out")
        here, everybody = tuple(sorted(names)), tuple[str, ...]()
        source, target = (everybody, here) if self.direction == "in" else (here, everybody)
        arena.cuts.append((source, target, self.direction == "both"))
        with laid(arena.network.cut(selector=around, reject=self.reject)):
            yield


class Bridge(Condition):
    """The hosts are cut into two halves, and one of them, drawn at random, still reaches both.

    Seen: Jepsen's `bridge`, with which Elasticsearch 1.1.0 elected two masters, one by each of two majorities that
    shared the host in between (Kingsbury, "Jepsen: Elasticsearch", 2014).
    """

    word = "bridge"
    disables = False
    hosts_min = 3

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        names = arena.stream.sample([host.name for host in targets], len(targets))
        half = len(names) // 2
        arena.cuts.append((tuple(names[:half]), tuple(names[half + 1 :]), True))
        sides = Sides(frozenset(names[:half]), frozenset(names[half + 1 :]))
        with laid(arena.network.cut(selector=sides)):
            yield


class Ring(Condition):
    """The hosts stand in a ring, in an order drawn at random, and each reaches only those next to it.

    With the reach that makes a majority every host sees one, and no two see the same.

    Seen: Jepsen's `majorities-ring`; Cloudflare, 2 November 2020, a switch that failed in part let members of an etcd
    cluster see different neighbours ("A Byzantine failure in the real world").
    """

    word = "ring"
    disables = False
    hosts_min = 4

    reach: int | None = Field(default=None, ge=1, le=10_000)
    """How many hosts each sees on either side; by default as few as make a majority with itself."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        names = arena.stream.sample([host.name for host in targets], len(targets))
        reach = (len(names) // 2 + 1) // 2 if self.reach is None else self.reach
        if len(names) <= DRAWN_MAX:
            round_again = names + names
            for place, name in enumerate(names):
                arena.cuts.append(((name,), tuple(round_again[place + reach + 1 : place + len(names) - reach]), False))
        ring = RingLinks({name: place for place, name in enumerate(names)}, reach)
        with laid(arena.network.cut(selector=ring)):
            yield
