"""Faults of single packets: copies, overtaking, damage, losses in bursts, and packets that are too large.

Streams hide most of it, at a price in time; datagrams show it all. Each draws from a stream of its own on each path, as
many times whatever else becomes of a packet.

They deliberately strike frames and not messages: a long message is struck as often as it has frames.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field, model_validator

from simkit.fault import Arena, Condition, Link
from simkit.language.problem import Refusal
from simkit.language.units import Distribution, Fraction, Size
from simkit.network.flaw import AT_ONCE, CHECKSUM_MISSES, Bursts, Corruption, Duplication, Flaw, Reordering
from simkit.network.link import MTU_BYTES_MIN
from simkit_faults.links import laid, named, selected


class _Flawed(Condition):
    """What lays one flaw over the links it is aimed at."""

    target = "links"

    def flaw(self) -> Flaw:
        """Return the flaw."""
        raise NotImplementedError

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with laid(arena.network.add_flaw(selected(targets), self.flaw(), name=named(arena))):
            yield


class Duplicate(_Flawed):
    """Some packets along the links arrive twice.

    Seen: wherever somebody sends again what was not lost, or two bridges form a loop: Floyd and Kohler's RFC 4340 and
    RFC 8085 both ask what runs over plain datagrams to expect copies.
    """

    word = "duplicate"

    share: Fraction
    """The share of packets that arrive twice."""

    after: Distribution = Field(default=AT_ONCE)
    """How much later the copy arrives."""

    def flaw(self) -> Flaw:
        """See `_Flawed.flaw`."""
        return Duplication(float(self.share), self.after)


class Reorder(_Flawed):
    """Some packets along the links are held back, so that later ones overtake them.

    Seen: Bennett, Partridge and Shectman, "Packet Reordering is Not Pathological Network Behavior", IEEE/ACM
    Transactions on Networking 7(6), 1999: at an exchange point of the Internet most long probes met it.
    """

    word = "reorder"

    share: Fraction
    """The share of packets that are held back."""

    by: Distribution
    """How long they are held back."""

    def flaw(self) -> Flaw:
        """See `_Flawed.flaw`."""
        return Reordering(float(self.share), self.by)


class Corrupt(_Flawed):
    """Bits flip in some packets along the links: most are dropped, as their checksum tells, some are delivered.

    Seen: Amazon S3, 20 July 2008, a single bit in messages between servers that had no checksum of their own brought
    the service down for hours. Stone and Partridge, "When the CRC and TCP Checksum Disagree", SIGCOMM 2000, found
    damage that had passed Ethernet's check in one packet of 1,100 to 32,000.
    """

    word = "corrupt"

    share: Fraction
    """The share of packets in which bits flip."""

    unnoticed: Fraction = Fraction(CHECKSUM_MISSES)
    """The share of those that pass their checksum and are delivered; 100% where damage comes after the check."""

    def flaw(self) -> Flaw:
        """See `_Flawed.flaw`."""
        return Corruption(float(self.share), float(self.unnoticed))


class LossBursts(_Flawed):
    """Packets along the links are lost in bursts, besides what the links lose by themselves.

    Seen: Yajnik, Moon, Kurose and Towsley, "Measurement and Modelling of the Temporal Dependence in Packet Loss",
    INFOCOM 1999: losses on the Internet follow each other; wireless links and overfull queues make it worse.
    """

    word = "loss_bursts"

    loss: Fraction
    """The share of packets that are lost in the long run."""

    length: float = Field(ge=1.0, le=10**6)
    """How many packets are lost in a row, on average."""

    @model_validator(mode="after")
    def _possible(self) -> "LossBursts":
        self.flaw()
        return self

    def flaw(self) -> Flaw:
        """See `_Flawed.flaw`."""
        try:
            return Bursts.of_mean(float(self.loss), self.length)
        except ValueError as error:
            raise Refusal(str(error)) from None


class SmallPackets(Condition):
    """Larger packets do not fit through the links; without `silent` senders are told, and cut what they send.

    Seen: "black holes", RFC 2923, "TCP Problems with Path MTU Discovery": handshakes and small requests get through,
    and the first full segment never does, because some firewall drops the messages that would tell of it.
    """

    word = "mtu"
    target = "links"

    limit: Size = Field(ge=MTU_BYTES_MIN, le=65_536)
    """The largest IP packet that fits."""

    silent: bool = False
    """Nobody tells the senders: what is larger vanishes."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with laid(arena.network.limit_packets(selected(targets), int(self.limit), silent=self.silent)):
            yield
