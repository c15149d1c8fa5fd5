"""The network stack of one incarnation of one host: ports, connections, sockets.

It is made fresh at every boot, without ports. When its process ends it closes what was open; when the machine loses
its power it falls silent. What asyncio asks a loop for is answered by its base, `LoopCalls`.

It deliberately speaks IPv4 only.
"""

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from simkit.network.address import ANY_ADDRESS, BROADCAST_ADDRESS, LOCALHOST
from simkit.network.handshake import Handshake
from simkit.network.loop_calls import LoopCalls
from simkit.network.server import Listener, ProtocolFactory, SimServer
from simkit.network.tcp import Half, SocketAddress, os_error
from simkit.network.udp import Port

if TYPE_CHECKING:
    from simkit.kernel import HostLoop
    from simkit.network.endpoint import Endpoint
    from simkit.network.host_socket import HostSocket
    from simkit.network.interface import Interface

FILE_NUMBER_FIRST = 2**20
"""The first number of a socket: beyond what a real process may open, so that no real file is meant by accident."""


class Stack(LoopCalls):
    """Networking of one process.

    Attributes:
        running: True while the process lives, paused or not.
        direct: True while the process runs, so that what arrives can be given to its loop.
        vanished: True once the machine lost its power under this process.
        halves, handshakes, listeners, ports: connections, attempts to connect, TCP ports where somebody listens, and
            UDP ports.
        reserved: TCP ports that sockets have bound without listening yet.
        sockets: open sockets by their number.
        endpoint: what receives the messages of the node, if there is one.
        kept_bytes: datagrams that wait for a process that stands still.
    """

    __slots__ = (
        "__weakref__",
        "_next_number",
        "_next_port",
        "direct",
        "endpoint",
        "halves",
        "handshakes",
        "interface",
        "kept_bytes",
        "listeners",
        "loop",
        "network",
        "ports",
        "reserved",
        "running",
        "sockets",
        "vanished",
        "world",
    )

    def __init__(self, interface: "Interface", loop: "HostLoop") -> None:
        self.interface = interface
        self.network = interface.network
        self.world = interface.network.world
        self.loop = loop
        self.running = self.direct = self.vanished = False
        self.halves: dict[Half, None] = {}
        self.handshakes: dict[Handshake, None] = {}
        self.listeners: dict[SocketAddress, Listener] = {}
        self.ports: dict[SocketAddress, Port] = {}
        self.reserved: set[SocketAddress] = set()
        self.sockets: WeakValueDictionary[int, HostSocket] = WeakValueDictionary()
        self.endpoint: Endpoint | None = None
        self.kept_bytes = 0
        self._next_port = self.network.tcp.ephemeral_ports[0]
        self._next_number = FILE_NUMBER_FIRST

    # -- the life of the process

    def pause(self) -> None:
        """The process stands still: from now on the machine takes what arrives."""
        self.direct = False
        for half in self.halves:
            half.divert_arrivals()

    def resume(self) -> None:
        """The process runs again, and hands its machine what it had buffered."""
        self.direct = True
        for half in list(self.halves):
            half.sender.pump()

    def process_ended(self) -> None:
        """Close everything: FIN, or RST where something was left unread."""
        halves = list(self.halves)
        for half in halves:
            half.sender.process_ended()
        self.running = self.direct = False
        for handshake in list(self.handshakes):
            handshake.abandon()
        for half in halves:
            half.divert_arrivals()
            half.process_ended()
        self._free_ports()

    def power_cut(self) -> None:
        """The machine is gone: nothing is sent, and nothing more is known of any connection."""
        self.running = self.direct = False
        self.vanished = True
        for half in list(self.halves):
            half.divert_arrivals()
            half.power_cut()
        self.halves.clear()
        self._free_ports()

    def _free_ports(self) -> None:
        self.listeners.clear()
        self.ports.clear()
        self.reserved.clear()
        self.endpoint = None

    # -- ports

    def listener(self, address: SocketAddress) -> Listener | None:
        """Return who answers on this address and port, if anybody does."""
        found = self.listeners.get(address) or self.listeners.get((ANY_ADDRESS, address[1]))
        return found if found is not None and found.listening else None

    def port(self, address: SocketAddress) -> Port | None:
        """Return who has this address and UDP port, if anybody has."""
        return self.ports.get(address) or self.ports.get((ANY_ADDRESS, address[1]))

    def is_free(self, address: SocketAddress, *, datagrams: bool = False) -> bool:
        """Return True if an address and port can be bound."""
        host, port = address
        bound = self.ports if datagrams else (*self.listeners, *self.reserved)
        return not any(p == port and (host in (h, ANY_ADDRESS) or h == ANY_ADDRESS) for h, p in bound)

    def own_address(self, address: SocketAddress) -> SocketAddress:
        """Return an address that this machine has; OSError (EADDRNOTAVAIL) for another's."""
        if address[0] != ANY_ADDRESS and not address[0].startswith("127.") and address[0] != self.interface.address:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return address

    def reserve(self, address: SocketAddress) -> SocketAddress:
        """Keep a TCP port for a socket, and return its address; OSError as of `bind(2)`."""
        host, port = self.own_address(address)
        if port and not self.is_free(address):
            raise os_error(errno.EADDRINUSE)
        found = (host, port or self.ephemeral_port())
        self.reserved.add(found)
        return found

    def number_socket(self, made: "HostSocket") -> int:
        """Return the number of a new socket, which stands for a file descriptor."""
        number, self._next_number = self._next_number, self._next_number + 1
        self.sockets[number] = made
        return number

    def ephemeral_port(self, *, datagrams: bool = False) -> int:
        """Return the next ephemeral port on which nobody listens; OSError (EADDRINUSE) if there is none."""
        first, last = self.network.tcp.ephemeral_ports
        for _ in range(last - first + 1):
            port = self._next_port
            self._next_port = first if port >= last else port + 1
            if self.is_free((ANY_ADDRESS, port), datagrams=datagrams):
                return port
        raise os_error(errno.EADDRINUSE)

    def begin_handshake(self, address: SocketAddress, bound: SocketAddress | None = None) -> Handshake:
        """Begin to connect to an address; OSError if that is impossible from the start."""
        host, port = address
        target = self.network.find(host, self.interface)
        if target is None:
            raise os_error(errno.EHOSTUNREACH)
        if port == 0:
            raise os_error(errno.ECONNREFUSED)
        loopback = host.startswith("127.") or host == ANY_ADDRESS
        here = LOCALHOST if loopback else self.interface.address
        if bound is not None and bound[0] != ANY_ADDRESS:
            here = bound[0]
        local = (here, bound[1] if bound is not None else self.ephemeral_port())
        handshake = Handshake(self, target, local, (LOCALHOST if host == ANY_ADDRESS else host, port))
        if self.running:
            handshake.begin()
        return handshake

    def listen(
        self,
        loop: "HostLoop",
        protocol_factory: ProtocolFactory,
        addresses: Sequence[SocketAddress],
        backlog: int = 100,
        start_serving: bool = True,
    ) -> SimServer:
        """Bind addresses and serve on them; OSError (EADDRINUSE) leaves none of them bound."""
        server = SimServer(loop, protocol_factory)
        try:
            for host, port in addresses:
                server.bind(self, (host, port or self.ephemeral_port()), backlog)
        except OSError:
            server.close()
            raise
        if start_serving:
            server.begin()
        return server

    def target_of(self, address: Any) -> SocketAddress:
        """Return what a socket call means by an address: a name is looked up without waiting."""
        host, port = address[:2]
        if not isinstance(port, int):
            raise TypeError(f"a port is a number, {port!r} is not")
        if not host:
            return ANY_ADDRESS, port
        if host == "<broadcast>":
            return BROADCAST_ADDRESS, port
        return self.interface.resolver.look_up_at_once(host)[0], port
