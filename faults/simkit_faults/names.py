"""Faults of the name service: no answer, a failure, no such name, old answers, slow ones, and wrong ones.

Each is aimed at the hosts that ask. What a machine has kept from before it goes on using until that has lived its time,
and what it learns meanwhile it keeps as long: a fault of names outlives its end by a time to live, as it really does.

They deliberately never touch connections that stand: only who asks is struck.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit.language.units import Distribution, Duration
from simkit.network.names import Answering, Failing, NameCondition, Silent, Slow
from simkit_faults.links import laid, named


class _OfNames(Condition):
    """What lays one condition over the name service, for the hosts it is aimed at."""

    names: tuple[str, ...] | None = Field(default=None, min_length=1)
    """The names it is about; without it, all of them."""

    def condition(self, arena: Arena, names: frozenset[str] | None, askers: frozenset[str]) -> NameCondition:
        """Return the condition."""
        raise NotImplementedError

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        names = None if self.names is None else frozenset(name.lower().removesuffix(".") for name in self.names)
        askers = frozenset(host.name for host in targets)
        with laid(arena.network.names.lay(self.condition(arena, names, askers))):
            yield


class NamesDown(_OfNames):
    """The name service gives no answer, or with `fails` says that it cannot find out (SERVFAIL).

    Seen: Dyn, 21 October 2016, an attack by hijacked cameras took down the names of Twitter, GitHub, Spotify and many
    others, whose own machines were well. Facebook, 4 October 2021, withdrew the routes to its own name servers.
    """

    word = "dns_down"
    disables = False

    fails: bool = False
    """Answer with a failure at once instead of not at all."""

    def condition(self, arena: Arena, names: frozenset[str] | None, askers: frozenset[str]) -> NameCondition:
        """See `_OfNames.condition`."""
        return Failing(names, askers) if self.fails else Silent(names, askers)


class NamesMissing(_OfNames):
    """Names do not exist (NXDOMAIN).

    Seen: Amazon DynamoDB, 20 October 2025, two programs that kept its names up to date overtook each other and left
    the regional name without addresses; much of us-east-1 followed.
    """

    word = "dns_missing"
    disables = False

    def condition(self, arena: Arena, names: frozenset[str] | None, askers: frozenset[str]) -> NameCondition:
        """See `_OfNames.condition`."""
        return Answering(names, askers, ttl_ns=30 * 10**9)


class NamesStale(_OfNames):
    """Names mean what they meant when this began, whatever has been published since.

    Seen: wherever resolvers keep answers longer than they may; Moura et al., "Cache Me If You Can: Effects of DNS
    Time-to-Live", IMC 2019, found that parents, children and resolvers disagree on how long that is.
    """

    word = "dns_stale"
    disables = False

    def condition(self, arena: Arena, names: frozenset[str] | None, askers: frozenset[str]) -> NameCondition:
        """See `_OfNames.condition`."""
        return arena.network.names.stale(names, askers)


class NamesSlow(_OfNames):
    """Answers of the name service take longer.

    Seen: in Kubernetes, five seconds for one lookup in many, when two questions of one socket raced in the kernel's
    address translation and one was dropped (Weave Works, "Racy conntrack and DNS lookup timeouts", 2018).
    """

    word = "dns_slow"
    disables = False

    add: Distribution
    """How much longer an answer takes: a duration, or a distribution drawn for each."""

    def condition(self, arena: Arena, names: frozenset[str] | None, askers: frozenset[str]) -> NameCondition:
        """See `_OfNames.condition`."""
        return Slow(names, askers, extra=self.add, stream=named(arena))


class NamesPoisoned(_OfNames):
    """Names mean a host that they should not.

    Seen: Kaminsky's attack of 2008 on every resolver that drew only 16 bits at random; MyEtherWallet, 24 April 2018,
    hijacked routes to Amazon's name servers led users to a copy of the site that took their money.
    """

    word = "dns_poisoned"
    disables = False

    to: str
    """The host that names lead to instead."""

    ttl: Duration = Duration(30 * 10**9)
    """How long machines keep the wrong answer."""

    def condition(self, arena: Arena, names: frozenset[str] | None, askers: frozenset[str]) -> NameCondition:
        """See `_OfNames.condition`."""
        interface = arena.network.find(self.to)
        if interface is None:
            raise ValueError(f"dns_poisoned: there is no host {self.to!r} to lead names to")
        return Answering(names, askers, addresses=(interface.address,), ttl_ns=int(self.ttl))
