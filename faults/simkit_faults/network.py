"""Faults of the network: partition, added latency, added loss, less bandwidth.

Each is one overlay over the directed links it is given, so that cutting groups, a link both ways and a link one way
are the same fault with different targets. Packets that are already on their way arrive.

They deliberately never touch a host: a host that is cut off is up and does not know.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from simkit.fault import Arena, Condition, Link
from simkit.language.units import Bandwidth, Distribution, Fraction
from simkit_faults.links import laid, named, selected


class Partition(Condition):
    """Packets between the groups, or along the links, do not arrive.

    Seen: GitHub, 21 October 2018, 43 seconds between two data centres of the US East Coast, then a day of repair, as
    both sides had taken writes. One way only: Cloudflare, 2 November 2020, "A Byzantine failure in the real world".
    Bailis and Kingsbury, "The Network is Reliable", ACM Queue 2014, collected many more.
    """

    word = "partition"
    target = "groups"

    reject: bool = False
    """Answer packets with ICMP host unreachable, as a router without a route does, instead of dropping them."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with laid(arena.network.cut(selector=selected(targets), reject=self.reject)):
            yield


class Latency(Condition):
    """Every packet along the links takes longer.

    Seen: everywhere at the tail, which fan-out then turns into the median (Dean and Barroso, "The Tail at Scale",
    CACM 2013).
    """

    word = "latency"
    target = "links"

    add: Distribution
    """What one direction takes longer: a duration, or a distribution drawn for each packet."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with laid(arena.network.add_latency(selected(targets), self.add, name=named(arena))):
            yield


class Loss(Condition):
    """Segments along the links are lost at random, besides what the links lose by themselves.

    Seen: Slack, 4 January 2021, transit gateways of the provider that did not grow fast enough dropped packets as
    everybody came back from the holidays.
    """

    word = "loss"
    target = "links"

    add: Fraction
    """The share of segments that are lost; 100% is a partition."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with laid(arena.network.add_loss(selected(targets), float(self.add), name=named(arena))):
            yield


class LimitedBandwidth(Condition):
    """The links carry fewer bits per second.

    Seen: a 1 Gbit/s network card at Facebook that suddenly transmitted at 1 kbit/s, and slowed down a cluster of a
    hundred machines (told in Do et al., "Limplock: Understanding the Impact of Limpware on Scale-Out Cloud Systems",
    SoCC 2013).
    """

    word = "bandwidth"
    target = "links"

    limit: Bandwidth
    """The most that each direction of each link carries; of several limits the lowest holds."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with laid(arena.network.limit_bandwidth(selected(targets), int(self.limit))):
            yield
