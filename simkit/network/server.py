"""Listening: ports on which a machine answers, and the asyncio server object in front of them.

A `Listener` belongs to the machine: it completes handshakes up to its backlog even while the process stands still. A
`SimServer` belongs to the process and makes a transport and a protocol of each accepted connection.

It deliberately has no way to pass a listening socket from one process to another.
"""

import asyncio
import errno
import sys
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from socket import SOCK_STREAM
from typing import TYPE_CHECKING, Any

from simkit.network.socket_options import SocketOptions
from simkit.network.socket_view import SocketView
from simkit.network.tcp import Half, SocketAddress
from simkit.network.transport import SimTransport

if TYPE_CHECKING:
    from simkit.kernel import HostLoop
    from simkit.network.stack import Stack

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class Listener:
    """One bound address and port.

    Attributes:
        pending: connections that the process has not heard of, finished handshakes and others, in order.
        accepted: connections a listening socket has heard of, and its process has not asked for.
        listening: False until the server starts to serve; connections are refused until then.
    """

    def __init__(self, stack: "Stack", address: SocketAddress, backlog: int, arrived: Callable[[Half], None]) -> None:
        self.stack = stack
        self.address = address
        self.backlog = min(backlog, stack.network.tcp.backlog_limit)
        self.pending: dict[Half, None] = {}
        self.accepted: deque[Half] = deque()
        self.options = SocketOptions(SOCK_STREAM)
        self._arrived = arrived
        self.listening = False

    def is_full(self) -> bool:
        """Return True if no more connections may wait (Linux lets one more than the backlog wait)."""
        return len(self.pending) + len(self.accepted) > self.backlog

    def accept(self, half: Half) -> None:
        """Give a connection whose handshake has ended to the process."""
        if half.established:
            self.pending.pop(half, None)
            half.listener = None
            self._arrived(half)

    def close(self) -> None:
        """Free the port, and reset what was not accepted."""
        self.listening = False
        if self.stack.listeners.get(self.address) is self:
            del self.stack.listeners[self.address]
        for half in [*self.pending, *self.accepted]:
            half.reset()
            half.listener = None
        self.pending.clear()
        self.accepted.clear()


class SimServer(asyncio.AbstractServer):
    """What `loop.create_server` returns.

    Args:
        loop: of the process.
        protocol_factory: makes a protocol for each connection; for TLS it makes one that wraps the user's.
    """

    def __init__(self, loop: "HostLoop", protocol_factory: ProtocolFactory) -> None:
        self._loop = loop
        self._factory = protocol_factory
        self._context = copy_context()
        self._listeners: list[Listener] | None = []
        self._transports: dict[SimTransport, None] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._forever: asyncio.Future[None] | None = None
        self._serving = False

    def __repr__(self) -> str:
        return f"<SimServer sockets={self.sockets!r}>"

    def bind(self, stack: "Stack", address: SocketAddress, backlog: int) -> None:
        """Take a port; OSError (EADDRINUSE) if it is taken."""
        assert self._listeners is not None
        if not stack.is_free(address):
            text = f"error while attempting to bind on address {address!r}: address already in use"
            raise OSError(errno.EADDRINUSE, text)
        listener = stack.listeners[address] = Listener(stack, address, backlog, self.accept)
        self._listeners.append(listener)

    def accept(self, half: Half) -> None:
        """Make a protocol and a transport for a connection."""
        # In a copy of the server's context, as a task of asyncio's accepting loop would run.
        self._context.copy().run(self._accept, half)

    def _accept(self, half: Half) -> None:
        try:
            protocol = self._factory()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            half.reset()
            context = {"message": "Error on transport creation for incoming connection", "exception": error}
            self._loop.call_exception_handler(context)
            return
        SimTransport(self._loop, half, protocol, self).start()

    def attached(self, transport: SimTransport) -> None:
        """Count a connection."""
        self._transports[transport] = None

    def detached(self, transport: SimTransport) -> None:
        """Count a connection no more."""
        self._transports.pop(transport, None)
        self._wake_up()

    # -- asyncio.Server

    @property
    def sockets(self) -> tuple[Any, ...]:
        """The listening sockets; empty once closed."""
        return tuple(SocketView(listener.address, None, listener.options) for listener in self._listeners or ())

    def get_loop(self) -> "HostLoop":
        """Return the loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Return True while connections are accepted."""
        return self._serving

    def begin(self) -> None:
        """Begin to accept connections."""
        if self._listeners is None:
            raise RuntimeError(f"server {self!r} is closed")
        self._serving = True
        for listener in self._listeners:
            listener.listening = True

    async def start_serving(self) -> None:
        """Begin to accept connections."""
        self.begin()

    async def serve_forever(self) -> None:
        """Accept connections until cancelled, then close."""
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        self.begin()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._forever = None

    def close(self) -> None:
        """Free the ports; accepted connections stay."""
        listeners, self._listeners = self._listeners, None
        if listeners is None:
            return
        self._serving = False
        for listener in listeners:
            listener.close()
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        self._wake_up()

    def close_clients(self) -> None:
        """Close every accepted connection."""
        for transport in list(self._transports):
            transport.close()

    def abort_clients(self) -> None:
        """Abort every accepted connection."""
        for transport in list(self._transports):
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its connections are gone; up to Python 3.11, as it was then, do not."""
        if self._is_finished() or (self._listeners is None and sys.version_info < (3, 12)):
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _is_finished(self) -> bool:
        return self._listeners is None and not self._transports

    def _wake_up(self) -> None:
        if self._is_finished():
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
