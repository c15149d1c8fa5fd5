"""What a host's event loop asks its network stack for: transports, servers, calls on sockets, names.

The signatures are asyncio's. Connections come as sockets that are connected already, because asyncio's own
`create_connection` has done that part; servers are made here, for they stay with the machine when the process stops.

It deliberately accepts only simulated sockets: a real one, or a file, is an error that names the line.
"""

import asyncio
import errno
import socket
import ssl as tls
from asyncio import events, sslproto
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simkit.network.datagram_socket import DatagramSocket
from simkit.network.host_socket import HostSocket
from simkit.network.refusal import refusal
from simkit.network.server import ProtocolFactory, SimServer
from simkit.network.stream_socket import StreamSocket
from simkit.network.tcp import SocketAddress
from simkit.network.transport import SimTransport
from simkit.network.udp_transport import UdpTransport

if TYPE_CHECKING:
    from weakref import WeakValueDictionary

    from simkit.kernel import HostLoop
    from simkit.network.interface import Interface
    from simkit.network.resolver import AddressInfo

Waiter = asyncio.Future[None] | None
Address = str | bytes | None


class LoopCalls:
    """The part of a stack that answers its loop."""

    __slots__ = ()

    interface: "Interface"
    loop: "HostLoop"
    sockets: "WeakValueDictionary[int, HostSocket]"
    listen: Callable[..., SimServer]
    own_address: Callable[[SocketAddress], SocketAddress]

    # -- transports

    def stream_transport(
        self,
        sock: Any,
        protocol: asyncio.BaseProtocol,
        waiter: Waiter = None,
        *,
        extra: dict[str, Any] | None = None,
        server: SimServer | None = None,
    ) -> SimTransport:
        """Make the transport of a connected socket; its protocol hears of it in the next pass."""
        held = simulated(sock)
        half = held.stream().surrender()
        transport = SimTransport(self.loop, half, protocol, server, options=held.options)
        self.loop.call_soon(transport.start)
        self._wake_after(waiter)
        return transport

    def tls_transport(
        self,
        rawsock: Any,
        protocol: asyncio.BaseProtocol,
        sslcontext: tls.SSLContext,
        waiter: Waiter = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: SimServer | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Any:
        """Make the transport of a connected socket that speaks TLS first."""
        timeouts = (ssl_handshake_timeout, ssl_shutdown_timeout)
        wrapper = tls_protocol(self.loop, protocol, sslcontext, timeouts, waiter, server_side, server_hostname)
        self.stream_transport(rawsock, wrapper, extra=extra, server=server)
        return wrapper._app_transport

    def datagram_transport(
        self,
        sock: Any,
        protocol: asyncio.BaseProtocol,
        address: SocketAddress | None = None,
        waiter: Waiter = None,
        extra: dict[str, Any] | None = None,
    ) -> UdpTransport:
        """Make the transport of a UDP socket; its protocol hears of it in the next pass."""
        held = simulated(sock)
        transport = UdpTransport(self.loop, protocol, held.datagrams(), held.options, address)
        self.loop.call_soon(transport.start)
        self._wake_after(waiter)
        return transport

    def _wake_after(self, waiter: Waiter) -> None:
        if waiter is not None:
            self.loop.call_soon(_wake, waiter)

    # -- servers

    async def create_server(
        self,
        loop: "HostLoop",
        protocol_factory: ProtocolFactory,
        host: Address | Sequence[str] = None,
        port: Any = None,
        *,
        family: int = 0,
        flags: int = socket.AI_PASSIVE,
        sock: Any = None,
        backlog: int = 100,
        ssl: tls.SSLContext | None = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        keep_alive: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
    ) -> SimServer:
        """See `asyncio.loop.create_server`; a port cannot be shared."""
        if ssl is not None and not isinstance(ssl, tls.SSLContext):
            raise TypeError("ssl argument must be an SSLContext or None")
        if ssl is None and (ssl_handshake_timeout is not None or ssl_shutdown_timeout is not None):
            which = "ssl_shutdown_timeout" if ssl_handshake_timeout is None else "ssl_handshake_timeout"
            raise ValueError(f"{which} is only meaningful with ssl")
        timeouts = (ssl_handshake_timeout, ssl_shutdown_timeout)
        factory = protocol_factory if ssl is None else _wrapping(loop, protocol_factory, ssl, timeouts)
        addresses: list[SocketAddress]
        if sock is not None:
            if host is not None or port is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            if sock.type != socket.SOCK_STREAM:
                raise ValueError(f"A Stream Socket was expected, got {sock!r}")
            bound = simulated(sock).stream().release()
            addresses = [("0.0.0.0", 0) if bound is None else bound]
        elif host is None and port is None:
            raise ValueError("Neither host/port nor sock were specified")
        else:
            hosts = [host] if host is None or isinstance(host, str | bytes) else list(host)
            addresses = await self._own_addresses(hosts, port, family, flags)
        return self.listen(loop, factory, addresses, backlog, start_serving)

    async def _own_addresses(self, hosts: list[Any], port: Any, family: int, flags: int) -> list[SocketAddress]:
        found: dict[SocketAddress, None] = {}
        for host in hosts:
            for info in await self.getaddrinfo(host or None, port, family=family, type=socket.SOCK_STREAM, flags=flags):
                try:
                    found[self.own_address(info[4])] = None
                except OSError as error:
                    text = f"error while attempting to bind on address {info[4]!r}: {str(error.strerror).lower()}"
                    raise OSError(error.errno, text) from None
        return list(found)

    # -- sockets

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """See `loop.sock_connect`."""
        held = simulated(sock)
        addresses = await self.interface.resolver.look_up(address[0])
        target = (addresses[0], address[1])
        if isinstance(held.state, DatagramSocket):
            held.datagrams().connect(target)
            return
        try:
            held.stream().connect(target)
            return
        except BlockingIOError:
            pass  # and let what comes of it be told without this
        await held.when("write", _connected, held.stream(), target)

    async def sock_accept(self, sock: Any) -> tuple[HostSocket, SocketAddress]:
        """See `loop.sock_accept`."""
        held = simulated(sock)
        made, address = held.accepted(await held.when("read", held.stream().accept))
        made.setblocking(False)
        return made, address

    async def sock_recv(self, sock: Any, size: int) -> bytes:
        """See `loop.sock_recv`."""
        return (await self._receive(simulated(sock), size))[0]

    async def sock_recv_into(self, sock: Any, buffer: Any) -> int:
        """See `loop.sock_recv_into`."""
        return (await self.sock_recvfrom_into(sock, buffer))[0]

    async def sock_recvfrom(self, sock: Any, size: int) -> tuple[bytes, Any]:
        """See `loop.sock_recvfrom`."""
        return await self._receive(simulated(sock), size)

    async def sock_recvfrom_into(self, sock: Any, buffer: Any, size: int = 0) -> tuple[int, Any]:
        """See `loop.sock_recvfrom_into`."""
        view = memoryview(buffer).cast("B")
        data, source = await self._receive(simulated(sock), size or len(view))
        view[: len(data)] = data
        return len(data), source

    async def _receive(self, held: HostSocket, size: int) -> tuple[bytes, Any]:
        if isinstance(held.state, StreamSocket):
            return await held.when("read", held.stream().receive, size), None
        return await held.when("read", held.datagrams().receive, size)

    async def sock_sendall(self, sock: Any, data: Any) -> None:
        """See `loop.sock_sendall`."""
        held = simulated(sock)
        view = memoryview(data).cast("B")
        while view:
            view = view[await held.when("write", held.stream().send, view) :]

    async def sock_sendto(self, sock: Any, data: Any, address: Any) -> int:
        """See `loop.sock_sendto`."""
        addresses = await self.interface.resolver.look_up(address[0])
        return simulated(sock).datagrams().send(bytes(data), (addresses[0], address[1]))

    def watch(self, fd: Any, kind: str, loop: "HostLoop", callback: Callable[..., object], args: Any) -> None:
        """See `loop.add_reader` and `loop.add_writer`; `kind` is "read" or "write"."""
        self._numbered(fd).watch(kind, events.Handle(callback, args, loop, None))

    def unwatch(self, fd: Any, kind: str) -> bool:
        """See `loop.remove_reader` and `loop.remove_writer`."""
        held = self.sockets.get(fd) if isinstance(fd, int) else fd
        return isinstance(held, HostSocket) and held.unwatch(kind)

    def _numbered(self, fd: Any) -> HostSocket:
        if isinstance(fd, int) and (held := self.sockets.get(fd)) is not None:
            return held
        return simulated(fd)

    # -- names

    async def getaddrinfo(self, host: Address, port: Any, **options: int) -> "list[AddressInfo]":
        """See `loop.getaddrinfo`."""
        return await self.interface.resolver.getaddrinfo(host, port, **options)

    async def getnameinfo(self, sockaddr: SocketAddress, flags: int = 0) -> tuple[str, str]:
        """See `loop.getnameinfo`."""
        return self.interface.resolver.getnameinfo(sockaddr, flags)


def simulated(sock: Any) -> HostSocket:
    """Return the socket, if it is a simulated one; an error that names the line, if not."""
    if isinstance(sock, HostSocket):
        return sock
    if isinstance(sock, tls.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket")
    raise refusal(f"{sock!r} is real and cannot join the simulated network; make it in host code, with socket.socket:")


def _connected(state: StreamSocket, target: SocketAddress) -> None:
    if state.remote is None:
        if state.connecting:
            raise BlockingIOError(errno.EAGAIN, "the handshake is under way")
        number, state.options.error = state.options.error, 0
        raise OSError(number, f"Connect call failed {target!r}")


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _wrapping(
    loop: "HostLoop",
    protocol_factory: ProtocolFactory,
    context: tls.SSLContext,
    timeouts: tuple[float | None, float | None],
) -> ProtocolFactory:
    def factory() -> asyncio.BaseProtocol:
        wrapper: asyncio.BaseProtocol = tls_protocol(loop, protocol_factory(), context, timeouts, server_side=True)
        return wrapper

    return factory


def tls_protocol(
    loop: "HostLoop",
    protocol: asyncio.BaseProtocol,
    context: tls.SSLContext,
    timeouts: tuple[float | None, float | None],
    waiter: Waiter = None,
    server_side: bool = False,
    server_hostname: str | None = None,
) -> Any:  # not SSLProtocol: its transport has no public name
    """Return the protocol that speaks TLS for `protocol`."""
    wrap: Any = sslproto.SSLProtocol  # asyncio's own; its stubs know less than it takes
    handshake_timeout, shutdown_timeout = timeouts
    options = {"ssl_handshake_timeout": handshake_timeout, "ssl_shutdown_timeout": shutdown_timeout}
    return wrap(loop, protocol, context, waiter, server_side, server_hostname, **options)
