"""The network stack of one incarnation of one host: ports, connections, and what asyncio asks a loop for.

It is made fresh at every boot, without ports. When its process ends it closes what was open; when the machine loses
its power it falls silent.

It deliberately speaks IPv4 only, and knows no sockets below asyncio's transports.
"""

import asyncio
import errno
import ssl as tls
from asyncio import sslproto
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simkit.network.address import ANY_ADDRESS, LOCALHOST
from simkit.network.handshake import Handshake
from simkit.network.resolver import AddressInfo, resolve
from simkit.network.server import Listener, ProtocolFactory, SimServer
from simkit.network.tcp import Half, SocketAddress, os_error
from simkit.network.transport import SimTransport
from simkit.network.udp import UdpTransport

if TYPE_CHECKING:
    from simkit.kernel import HostLoop
    from simkit.network.endpoint import Endpoint
    from simkit.network.interface import Interface

Address = str | bytes | None
Tls = tls.SSLContext | bool | None


class Stack:
    """Networking of one process.

    Attributes:
        running: True while the process lives, paused or not.
        direct: True while the process runs, so that what arrives can be given to its loop.
        vanished: True once the machine lost its power under this process.
        halves, handshakes, listeners, datagram_endpoints: connections, attempts to connect, and bound ports.
        endpoint: what receives the messages of the node, if there is one.
        kept_bytes: datagrams that wait for a process that stands still.
    """

    def __init__(self, interface: "Interface", loop: "HostLoop") -> None:
        self.interface = interface
        self.network = interface.network
        self.world = interface.network.world
        self.loop = loop
        self.running = self.direct = self.vanished = False
        self.halves: dict[Half, None] = {}
        self.handshakes: dict[Handshake, None] = {}
        self.listeners: dict[SocketAddress, Listener] = {}
        self.datagram_endpoints: dict[SocketAddress, UdpTransport] = {}
        self.endpoint: Endpoint | None = None
        self.kept_bytes = 0
        self._next_port = self.network.tcp.ephemeral_ports[0]

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
        self.datagram_endpoints.clear()
        self.endpoint = None

    # -- ports

    def listener(self, address: SocketAddress) -> Listener | None:
        """Return who answers on this address and port, if anybody does."""
        found = self.listeners.get(address) or self.listeners.get((ANY_ADDRESS, address[1]))
        return found if found is not None and found.listening else None

    def datagram_endpoint(self, address: SocketAddress) -> UdpTransport | None:
        """Return who has this address and UDP port, if anybody has."""
        return self.datagram_endpoints.get(address) or self.datagram_endpoints.get((ANY_ADDRESS, address[1]))

    def is_free(self, address: SocketAddress, *, datagrams: bool = False) -> bool:
        """Return True if an address and port can be bound."""
        host, port = address
        bound = self.datagram_endpoints if datagrams else self.listeners
        return not any(p == port and (host in (h, ANY_ADDRESS) or h == ANY_ADDRESS) for h, p in bound)

    def ephemeral_port(self, *, datagrams: bool = False) -> int:
        """Return the next ephemeral port on which nobody listens; OSError (EADDRINUSE) if there is none."""
        first, last = self.network.tcp.ephemeral_ports
        for _ in range(last - first + 1):
            port = self._next_port
            self._next_port = first if port >= last else port + 1
            if self.is_free((ANY_ADDRESS, port), datagrams=datagrams):
                return port
        raise os_error(errno.EADDRINUSE)

    # -- connecting

    async def connect(self, address: SocketAddress, local_port: int | None = None) -> Half:
        """Shake hands with an address; OSError as of `connect(2)`."""
        host, port = address
        target = self.network.find(host, self.interface)
        if target is None:
            raise os_error(errno.EHOSTUNREACH)
        if port == 0:
            raise os_error(errno.ECONNREFUSED)
        loopback = host.startswith("127.") or host == ANY_ADDRESS
        local = (LOCALHOST if loopback else self.interface.address, local_port or self.ephemeral_port())
        handshake = Handshake(self, target, local, (LOCALHOST if host == ANY_ADDRESS else host, port))
        handshake.begin()
        try:
            await handshake.future
        except asyncio.CancelledError:
            handshake.abandon()
            raise
        return handshake.half

    async def create_connection(
        self,
        loop: "HostLoop",
        protocol_factory: ProtocolFactory,
        host: Address = None,
        port: Any = None,
        *,
        ssl: Tls = None,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        sock: object = None,
        local_addr: SocketAddress | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None,
        interleave: int | None = None,
        all_errors: bool = False,
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """See `asyncio.loop.create_connection`; `sock` is refused."""
        if sock is not None:
            raise ValueError("a real socket cannot join the simulated network; give host and port")
        if host is None and port is None:
            raise ValueError("host and port was not specified and no sock specified")
        if server_hostname is not None and not ssl:
            raise ValueError("server_hostname is only meaningful with ssl")
        if ssl and server_hostname is None:
            if not host:
                raise ValueError("You must set server_hostname when using ssl without a host")
            server_hostname = host if isinstance(host, str) else host.decode("ascii")
        address = self._resolve(host, port, family=family, proto=proto, flags=flags)[0][4]
        half = await self.connect(address, local_addr[1] if local_addr else None)
        protocol = protocol_factory()
        if not ssl:
            transport = SimTransport(loop, half, protocol)
            transport.start()
            return transport, protocol
        context = tls.create_default_context() if ssl is True else ssl
        waiter: asyncio.Future[None] = loop.create_future()
        timeouts = (ssl_handshake_timeout, ssl_shutdown_timeout)
        wrapper = _wrapped(loop, protocol, context, timeouts, waiter, server_hostname)
        transport = SimTransport(loop, half, wrapper)
        transport.start()
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return wrapper._app_transport, protocol

    # -- listening

    async def create_server(
        self,
        loop: "HostLoop",
        protocol_factory: ProtocolFactory,
        host: Address | Sequence[str] = None,
        port: Any = None,
        *,
        family: int = 0,
        flags: int = 0,
        sock: object = None,
        backlog: int = 100,
        ssl: tls.SSLContext | None = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        keep_alive: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
    ) -> SimServer:
        """See `asyncio.loop.create_server`; `sock` is refused, and a port cannot be shared."""
        if sock is not None:
            raise ValueError("a real socket cannot join the simulated network; give host and port")
        if host is None and port is None:
            raise ValueError("Neither host/port nor sock were specified")
        factory = protocol_factory
        if ssl is not None:
            if not isinstance(ssl, tls.SSLContext):
                raise TypeError("ssl argument must be an SSLContext or None")

            def factory() -> asyncio.BaseProtocol:
                timeouts = (ssl_handshake_timeout, ssl_shutdown_timeout)
                wrapper: asyncio.BaseProtocol = _wrapped(loop, protocol_factory(), ssl, timeouts)
                return wrapper

        hosts = [host] if host is None or isinstance(host, str | bytes) else list(host)
        addresses = [self._bindable(name, port, family) for name in hosts]
        return self.listen(loop, factory, addresses, backlog, start_serving)

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

    def _bindable(self, host: Address, port: Any, family: int) -> SocketAddress:
        name, number = self._resolve(host or ANY_ADDRESS, port, family=family)[0][4]
        if name != ANY_ADDRESS and not name.startswith("127.") and name != self.interface.address:
            raise OSError(
                errno.EADDRNOTAVAIL,
                f"error while attempting to bind on address {(name, number)!r}: cannot assign requested address",
            )
        return name, number

    # -- datagrams

    async def create_datagram_endpoint(
        self,
        loop: "HostLoop",
        protocol_factory: ProtocolFactory,
        local_addr: tuple[Address, Any] | None = None,
        remote_addr: tuple[Address, Any] | None = None,
        *,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        reuse_port: bool | None = None,
        allow_broadcast: bool | None = None,
        sock: object = None,
    ) -> tuple[asyncio.DatagramTransport, asyncio.BaseProtocol]:
        """See `asyncio.loop.create_datagram_endpoint`; `sock` is refused, and a port cannot be shared."""
        if sock is not None:
            raise ValueError("a real socket cannot join the simulated network; give addresses")
        if local_addr is None and remote_addr is None:
            raise ValueError("unexpected address family")
        remote = None if remote_addr is None else self._resolve(*remote_addr)[0][4]
        name, number = local_addr or (None, 0)
        host, port = self._bindable(name, number, family)
        local = (host, port or self.ephemeral_port(datagrams=True))
        if not self.is_free(local, datagrams=True):
            raise os_error(errno.EADDRINUSE)
        protocol = protocol_factory()
        return UdpTransport(self, protocol, local, remote), protocol

    # -- names

    def _resolve(self, host: Address, port: Any, **options: int) -> list[AddressInfo]:
        return resolve(self.network, host, port, **{"type": 1, **options})

    async def getaddrinfo(
        self,
        loop: "HostLoop",
        host: Address,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddressInfo]:
        """See `asyncio.loop.getaddrinfo`."""
        return resolve(self.network, host, port, family=family, type=type, proto=proto, flags=flags)

    async def getnameinfo(self, loop: "HostLoop", sockaddr: SocketAddress, flags: int = 0) -> tuple[str, str]:
        """See `asyncio.loop.getnameinfo`; the service is always a number."""
        found = self.network.find(sockaddr[0], self.interface)
        return (sockaddr[0] if found is None else found.name), str(sockaddr[1])


def _wrapped(
    loop: "HostLoop",
    protocol: asyncio.BaseProtocol,
    context: tls.SSLContext,
    timeouts: tuple[float | None, float | None],
    waiter: "asyncio.Future[None] | None" = None,
    server_hostname: str | None = None,
) -> Any:  # not SSLProtocol: its transport has no public name
    """Return the protocol that speaks TLS for `protocol`: the server's side unless there is a waiter."""
    wrap: Any = sslproto.SSLProtocol  # asyncio's own; its stubs know less than it takes
    handshake_timeout, shutdown_timeout = timeouts
    options = {"ssl_handshake_timeout": handshake_timeout, "ssl_shutdown_timeout": shutdown_timeout}
    return wrap(loop, protocol, context, waiter, waiter is None, server_hostname, **options)
