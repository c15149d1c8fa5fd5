"""The name service of a network: which addresses a name has, for how long, and what goes wrong with it.

Every host's name is known by itself; other names are published. What is asked for, machines keep for the time to live
of the answer (RFC 1034), or, for names that do not exist, for the negative one (RFC 2308). Faults lay conditions over
the service as they do over links: each is asked in turn what becomes of an answer, and each is undone alone.

It deliberately is no host: it cannot be partitioned away but by a condition, and stub resolvers speak no DNS to it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from simkit.kernel import Distribution, Stream
from simkit.network.address import is_address
from simkit.network.topology import names_of

if TYPE_CHECKING:
    from simkit.network.interface import Interface
    from simkit.network.network import Network

HOST_TTL_S: Final = 30.0
"""Time to live of hosts' own names, and of what is published without one (CoreDNS's default)."""
NEGATIVE_TTL_S: Final = 30.0
TARGETS_MAX: Final = 16
"""Aliases followed for one name, as resolvers do lest they follow for ever."""


_Published = tuple[tuple[str, ...], int]
"""Targets of a name, and how long an answer may be kept (ns)."""


@dataclass(frozen=True)
class Answer:
    """What the service says of one name.

    Attributes:
        addresses: IPv4 addresses in order; empty if there are none.
        ttl_ns: how long the answer may be kept.
        failed: the service could not find out (SERVFAIL).
        silent: no answer comes at all.
        delay_ns: how long the answer takes.
    """

    addresses: tuple[str, ...] = ()
    ttl_ns: int = round(NEGATIVE_TTL_S * 10**9)
    failed: bool = False
    silent: bool = False
    delay_ns: int = 0


@dataclass(frozen=True, eq=False)
class NameCondition:
    """What a fault does to the answers of the service.

    Attributes:
        names: the names it covers; None for all.
        askers: names of hosts, groups or zones whose questions it covers; None for all.
    """

    names: frozenset[str] | None = None
    askers: frozenset[str] | None = None

    def covers(self, name: str, asker: "Interface") -> bool:
        """Return True if this question is meant."""
        return (self.names is None or name in self.names) and (
            self.askers is None or not self.askers.isdisjoint(names_of(asker.host))
        )

    def apply(self, name: str, answer: Answer, stream: Callable[[str], Stream]) -> Answer:
        """Return what becomes of the answer for `name`; `stream` gives the asker's random stream of that name."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Silent(NameCondition):
    """No answer comes: askers wait for their time-outs."""

    def apply(self, name: str, answer: Answer, stream: Callable[[str], Stream]) -> Answer:
        """See `NameCondition.apply`."""
        return replace(answer, silent=True)


@dataclass(frozen=True, eq=False)
class Failing(NameCondition):
    """The service answers that it could not find out (SERVFAIL)."""

    def apply(self, name: str, answer: Answer, stream: Callable[[str], Stream]) -> Answer:
        """See `NameCondition.apply`."""
        return replace(answer, addresses=(), failed=True)


@dataclass(frozen=True, eq=False)
class Slow(NameCondition):
    """Answers take longer by a draw of `extra` (ns)."""

    extra: Distribution = field(kw_only=True)
    stream: str = field(default="names_slow", kw_only=True)

    def apply(self, name: str, answer: Answer, stream: Callable[[str], Stream]) -> Answer:
        """See `NameCondition.apply`."""
        return replace(answer, delay_ns=answer.delay_ns + max(0, round(self.extra.draw(stream(self.stream)))))


@dataclass(frozen=True, eq=False)
class Answering(NameCondition):
    """The service gives other addresses than it should; none at all: the name does not exist."""

    addresses: tuple[str, ...] = field(default=(), kw_only=True)
    ttl_ns: int = field(default=round(HOST_TTL_S * 10**9), kw_only=True)

    def apply(self, name: str, answer: Answer, stream: Callable[[str], Stream]) -> Answer:
        """See `NameCondition.apply`."""
        return replace(answer, addresses=self.addresses, ttl_ns=self.ttl_ns, failed=False)


@dataclass(frozen=True, eq=False)
class Stale(NameCondition):
    """The service gives the answers that it gave at some time, whatever has been published since."""

    known: Callable[[str], tuple[tuple[str, ...], int]] = field(kw_only=True)

    def apply(self, name: str, answer: Answer, stream: Callable[[str], Stream]) -> Answer:
        """See `NameCondition.apply`."""
        addresses, ttl_ns = self.known(name)
        return replace(answer, addresses=addresses, ttl_ns=ttl_ns)


class NameService:
    """The names of one network.

    Attributes:
        latency: how long an answer takes (ns) that no machine has kept; None for no time at all.
        conditions: what faults have laid over it, in order.
    """

    def __init__(self, network: "Network") -> None:
        self._network = network
        self._published: dict[str, _Published] = {}
        self.latency: Distribution | None = None
        self.conditions: list[NameCondition] = []

    def publish(self, name: str, targets: Iterable[str], *, ttl_s: float = HOST_TTL_S) -> None:
        """Let a name mean hosts, other names or addresses, in this order, in place of what it meant.

        Raises:
            ValueError: an empty name, no targets, or a negative time to live.
        """
        wanted = tuple(target.lower().removesuffix(".") for target in targets)
        if not name or not wanted or ttl_s < 0:
            raise ValueError(f"a name needs letters, targets and a time to live: {name!r} -> {wanted} for {ttl_s} s")
        self._published[_plain(name)] = (wanted, round(ttl_s * 10**9))

    def withdraw(self, name: str) -> None:
        """Take a published name back; KeyError if there is none."""
        del self._published[_plain(name)]

    def lay(self, condition: NameCondition) -> Callable[[], None]:
        """Lay a condition over the service; return what undoes it, once, in any order with others."""
        self.conditions.append(condition)

        def undo() -> None:
            if condition in self.conditions:
                self.conditions.remove(condition)

        return undo

    def stale(self, names: frozenset[str] | None = None, askers: frozenset[str] | None = None) -> Stale:
        """Return the condition under which everything is as it is now."""
        published = dict(self._published)
        return Stale(names, askers, known=lambda name: self._known(name, published))

    def answer(self, name: str, asker: "Interface") -> Answer:
        """Return what the service says now; takes its draws from streams of the asker."""
        name = _plain(name)
        addresses, ttl_ns = self._known(name, self._published)
        answer = Answer(addresses, ttl_ns)
        world = self._network.world
        if self.latency is not None:
            drawn = self.latency.draw(world.stream(f"names/{asker.name}"))
            answer = replace(answer, delay_ns=max(0, round(drawn)))
        for condition in self.conditions:
            if condition.covers(name, asker):
                answer = condition.apply(name, answer, lambda stream: world.stream(f"fault/{stream}/{asker.name}"))
        return answer

    def name_of(self, address: str) -> str | None:
        """Return the name of the host that has an address, None if there is none."""
        interface = self._network.find(address)
        return None if interface is None else interface.name

    def _known(self, name: str, published: Mapping[str, _Published]) -> tuple[tuple[str, ...], int]:
        """Return addresses and time to live, following published names; the shortest time on the way counts."""
        found: dict[str, None] = {}
        ttl_ns = round(HOST_TTL_S * 10**9)
        waiting = [name]
        for _ in range(TARGETS_MAX):
            if not waiting:
                break
            target = waiting.pop(0)
            if target in published:
                targets, lives_ns = published[target]
                ttl_ns = min(ttl_ns, lives_ns) if found or target != name else lives_ns
                waiting = [*targets, *waiting]
            elif is_address(target):
                found[str(IPv4Address(target))] = None
            elif (interface := self._network.find(target)) is not None:
                found[interface.address] = None
        return tuple(found), ttl_ns if found else round(NEGATIVE_TTL_S * 10**9)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
