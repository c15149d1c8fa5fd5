"""The network of a world: machines with addresses, the paths between them, and the conditions faults lay over them.

Names resolve to addresses here, and paths are made here at their first use. Every change of conditions raises the
epoch, by which paths notice that they have to look again.

It deliberately neither sends nor receives: that is what stacks and endpoints do, each for one host.
"""

from collections.abc import Callable, Hashable, Iterable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from simkit.kernel import Distribution
from simkit.network.address import ANY_ADDRESS
from simkit.network.flaw import Flaw
from simkit.network.interface import Interface
from simkit.network.link import MTU_BYTES_MIN, Link
from simkit.network.mesh import Mesh
from simkit.network.names import NameService
from simkit.network.overlay import (
    AddedLatency,
    AddedLoss,
    Cut,
    Flawed,
    LimitedBandwidth,
    LimitedPackets,
    Overlay,
)
from simkit.network.path import Path
from simkit.network.queue import DROP_TAIL, Discipline, Queue
from simkit.network.routed_path import RoutedPath
from simkit.network.selector import Selector, between
from simkit.network.selector import pairs as pairs_of
from simkit.network.standard_library import install
from simkit.network.tcp_parameters import TcpParameters
from simkit.network.topology import Topology

if TYPE_CHECKING:
    from simkit.hosts.host import Host
    from simkit.kernel import World

Undo = Callable[[], None]

HOSTS_MAX = 2**24 - 2


class Network:
    """All machines of one world and what lies between them.

    Args:
        world: virtual time, streams and records.
        topology: which pair of hosts has which link; a single link stands for all pairs.
        tcp: how streams behave.
        strict: send every message through encode and decode, so that no object is shared between hosts.

    Attributes:
        epoch: raised by every change of conditions.
        overlays: the conditions that hold, in the order in which they were laid.
        names: the name service.
    """

    __slots__ = (
        "__weakref__",
        "_by_address",
        "_connections",
        "_messages",
        "_queues",
        "epoch",
        "interfaces",
        "names",
        "overlays",
        "strict",
        "tcp",
        "topology",
        "world",
    )

    def __init__(
        self,
        world: "World",
        topology: Topology | Link | None = None,
        *,
        tcp: TcpParameters | None = None,
        strict: bool = False,
    ) -> None:
        install()
        self.world = world
        self.topology = topology if isinstance(topology, Topology) else Topology(topology)
        self.tcp = tcp or TcpParameters()
        self.strict = strict
        if self.topology.mesh is not None:
            self.topology.mesh.place(world)
        self.epoch = 0
        self.overlays: list[Overlay] = []
        self.names = NameService(self)
        self.interfaces: dict[str, Interface] = {}
        self._by_address: dict[str, Interface] = {}
        self._queues: dict[tuple[str, str], Queue] = {}
        self._connections = 0
        self._messages = 0

    # -- machines

    def attach(self, host: "Host") -> Interface:
        """Connect a host; it gets the next address of 10.0.0.0/8. ValueError if the name is taken."""
        name = host.name.lower()
        if name in self.interfaces or name == "localhost":
            raise ValueError(f"there is a host {host.name!r} on this network already")
        number = len(self.interfaces) + 1
        if number > HOSTS_MAX:
            raise ValueError(f"10.0.0.0/8 holds no more than {HOSTS_MAX} hosts")
        address = str(IPv4Address((10 << 24) + number))
        interface = self.interfaces[name] = self._by_address[address] = Interface(self, host, address)
        return interface

    def find(self, name: str, asker: Interface | None = None) -> Interface | None:
        """Return the machine of a name or IPv4 address, None if there is none; loopback names mean `asker`."""
        name = name.lower()
        interface = self.interfaces.get(name) or self._by_address.get(name)
        if interface is None and (name == "localhost" or name == ANY_ADDRESS or name.startswith("127.")):
            return asker
        return interface

    def path(self, source: "Host", target: "Host") -> Path:
        """Return the path from one attached host to another; KeyError if one is not attached."""
        return self.interfaces[source.name.lower()].path_to(self.interfaces[target.name.lower()])

    def new_path(self, source: Interface, target: Interface) -> Path:
        """Make the path of an ordered pair; `Interface.path_to` keeps it."""
        mesh = self.topology.mesh
        if mesh is not None and source is not target:
            nodes = mesh.node_of(source.host), mesh.node_of(target.host)
            if nodes[0] is not None and nodes[1] is not None and nodes[0] != nodes[1]:
                return RoutedPath(self, source, target, mesh, (nodes[0], nodes[1]))
        return Path(self, source, target)

    def link_of(self, source: Interface, target: Interface) -> tuple[Link, Queue]:
        """Return the link of an ordered pair as it is now, and the queue in front of its wire."""
        link, pipe = self.topology.link(source.host, target.host)
        queue = self._queues.get(pipe)
        if queue is None:
            queue = self._queues[pipe] = link.discipline.queue()
        return link, queue

    def next_connection(self) -> int:
        """Return the number of a new connection."""
        self._connections += 1
        return self._connections

    def next_message(self) -> int:
        """Return the number of a new message."""
        self._messages += 1
        return self._messages

    # -- conditions

    def cut(
        self,
        groups: Iterable[Iterable[str]] | None = None,
        *,
        pairs: Iterable[tuple[str, str]] | None = None,
        selector: Selector | None = None,
        one_way: bool = False,
        reject: bool = False,
    ) -> Undo:
        """Cut hosts from each other; return what undoes it.

        Args:
            groups: a partition into groups of names of hosts, groups or zones; who is in none is not affected.
            pairs: or pairs of names.
            selector: or anything that says which pairs it covers.
            one_way: only from earlier groups to later ones, or only from the first to the second of each pair.
            reject: packets are answered with ICMP host unreachable instead of vanishing.
        """
        if sum(given is not None for given in (groups, pairs, selector)) != 1:
            raise ValueError("a cut needs exactly one of groups, pairs and selector")
        if groups is not None:
            selector = between(groups, one_way=one_way)
        elif pairs is not None:
            selector = pairs_of(pairs, one_way=one_way)
        assert selector is not None
        return self.lay(Cut(selector, "cut", reject))

    def add_latency(self, selector: Selector, extra: Distribution, *, name: str = "latency") -> Undo:
        """Let every covered packet take longer by a draw of `extra` (ns); return what undoes it."""
        return self.lay(AddedLatency(selector, name, extra))

    def add_loss(self, selector: Selector, loss: float, *, name: str = "loss") -> Undo:
        """Lose every covered frame with probability `loss` besides the link's own; return what undoes it."""
        if not 0.0 <= loss <= 1.0:
            raise ValueError(f"a probability lies in [0, 1], {loss} does not")
        return self.lay(AddedLoss(selector, name, loss))

    def add_flaw(self, selector: Selector, flaw: Flaw, *, name: str = "flaw") -> Undo:
        """Let a flaw strike covered packets besides their link's own; return what undoes it."""
        return self.lay(Flawed(selector, name, flaw))

    def limit_bandwidth(self, selector: Selector, bits_per_s: int, *, discipline: Discipline = DROP_TAIL) -> Undo:
        """Let covered paths carry no more than `bits_per_s`; return what undoes it."""
        if bits_per_s <= 0:
            raise ValueError(f"a bandwidth is positive, {bits_per_s} is not; to let nothing through, cut")
        return self.lay(LimitedBandwidth(selector, "bandwidth", bits_per_s, discipline))

    def limit_packets(self, selector: Selector, mtu: int, *, silent: bool = False) -> Undo:
        """Let no larger IP packets than `mtu` bytes through; return what undoes it.

        Senders learn of it and cut what they send, unless it is `silent`: then what is larger vanishes.
        """
        if mtu < MTU_BYTES_MIN:
            raise ValueError(f"every host takes packets of {MTU_BYTES_MIN} bytes, so {mtu} is not a limit")
        return self.lay(LimitedPackets(selector, "mtu", mtu, silent))

    def fail_in_mesh(self, what: str | tuple[str, str]) -> Undo:
        """Let a router, or a link of the mesh in one direction, fail; return what undoes it.

        KeyError if there is none of that name, or no mesh.
        """
        mesh = self.topology.mesh
        if mesh is None:
            raise KeyError(what)
        mesh.fail(what)
        self._converge_later()
        standing = [what]

        def undo() -> None:
            if standing:
                mesh.mend(standing.pop())
                self._converge_later()

        return undo

    def _converge_later(self) -> None:
        mesh = self.topology.mesh
        assert mesh is not None
        if mesh.convergence_ns:
            at_ns = self.world.now_ns + mesh.convergence_ns
            self.world.post(at_ns, self.world.control, self._converge, mesh, mesh.failed)
        else:
            self._converge(mesh, mesh.failed)

    def _converge(self, mesh: Mesh, failed: frozenset[Hashable]) -> None:
        mesh.converge(failed)
        self.changed()

    def changed(self) -> None:
        """Let every path ask the topology again which link it is: somebody has moved."""
        self.epoch += 1

    def lay(self, overlay: Overlay) -> Undo:
        """Lay one overlay; return what undoes it, once, in any order with others."""
        self.overlays.append(overlay)
        self.epoch += 1

        def undo() -> None:
            # By identity: two equal conditions of two faults are two conditions.
            if overlay in self.overlays:
                self.overlays.remove(overlay)
                self.epoch += 1

        return undo
