"""What a simulated TCP socket can do, without waiting: bind, listen, accept, connect, send, receive, close.

Whatever cannot be done yet raises BlockingIOError, as a socket that does not block does; `host_socket.py` knows how to
wait. It deliberately keeps nothing that belongs to the machine: bytes stay in the `Half` until they are asked for.
"""

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from simkit.network.address import ANY_ADDRESS
from simkit.network.handshake import Handshake
from simkit.network.server import Listener
from simkit.network.socket_options import SocketOptions
from simkit.network.tcp import Half, SocketAddress, os_error

if TYPE_CHECKING:
    from asyncio import Future

    from simkit.network.stack import Stack

UNBOUND: Final = (ANY_ADDRESS, 0)


class StreamSocket:
    """One TCP socket of a process.

    Args:
        stack: of the process.
        options: as set by the process.
        changed: called with "read" or "write" when that may have become possible.

    Attributes:
        options: as given.
    """

    def __init__(self, stack: "Stack", options: SocketOptions, changed: Callable[[str], None]) -> None:
        self._stack = stack
        self.options = options
        self._changed = changed
        self._bound: SocketAddress | None = None
        self._reserved = False  # the port is this socket's, and not yet a listener's
        self._listener: Listener | None = None
        self._handshake: Handshake | None = None
        self._half: Half | None = None
        self._reading_ended = False

    @classmethod
    def of(cls, half: Half, stack: "Stack", options: SocketOptions, changed: Callable[[str], None]) -> "StreamSocket":
        """Return the socket of a connection that was accepted."""
        accepted = cls(stack, options, changed)
        accepted._take(half)
        return accepted

    # -- addresses

    @property
    def local(self) -> SocketAddress:
        """The local address and port; zeros if there is none yet."""
        half = self._half or (self._handshake.half if self._handshake is not None else None)
        return half.local if half is not None else self._bound or UNBOUND

    @property
    def remote(self) -> SocketAddress | None:
        """The peer's address and port, once connected."""
        return self._half.remote if self._half is not None else None

    def bind(self, address: SocketAddress) -> None:
        """Take an address and port; OSError as of `bind(2)`."""
        if self._bound is not None:
            raise os_error(errno.EINVAL)
        self._bound = self._stack.reserve(address)
        self._reserved = True

    # -- listening

    def listen(self, backlog: int) -> None:
        """Let the machine answer on the bound port; on an ephemeral one if there is none."""
        if self._half is not None or self._handshake is not None:
            raise os_error(errno.EINVAL)
        if self._listener is None:
            address = self.release() or self._stack.reserve(UNBOUND)
            self._stack.reserved.discard(address)
            self._bound = address
            self._listener = self._stack.listeners[address] = Listener(self._stack, address, backlog, self._arrived)
            self._listener.listening = True
        self._listener.backlog = min(backlog, self._stack.network.tcp.backlog_limit)

    def release(self) -> SocketAddress | None:
        """Give the bound port back, and return its address: somebody else will listen there."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._reserved and self._bound is not None:
            self._stack.reserved.discard(self._bound)
        self._reserved = False
        return self._bound

    def _arrived(self, half: Half) -> None:
        assert self._listener is not None
        self._listener.accepted.append(half)
        self._changed("read")

    def accept(self) -> Half:
        """Return the connection that has waited longest."""
        if self._listener is None:
            raise os_error(errno.EINVAL)
        if not self._listener.accepted:
            raise os_error(errno.EAGAIN)
        return self._listener.accepted.popleft()

    # -- connecting

    def connect(self, address: SocketAddress) -> None:
        """Begin a handshake; BlockingIOError until it has ended, OSError if it failed."""
        if self._half is not None:
            raise os_error(errno.EISCONN)
        if self._listener is not None:
            raise os_error(errno.EISCONN)
        if self._handshake is not None:
            raise os_error(errno.EALREADY)
        self._handshake = self._stack.begin_handshake(address, self._bound)
        self._handshake.future.add_done_callback(self._shaken)
        raise os_error(errno.EINPROGRESS)

    def _shaken(self, future: "Future[None]") -> None:
        handshake, self._handshake = self._handshake, None
        if future.cancelled() or handshake is None:
            return
        error = future.exception()
        if isinstance(error, OSError):
            self.options.error = error.errno or errno.EIO
        else:
            self._take(handshake.half)
        self._changed("read")
        self._changed("write")

    def _take(self, half: Half) -> None:
        self._half = half
        half.process = self
        half.linger_zero = self.options.linger_zero
        self.options.on_linger_zero = self._set_linger_zero

    def _set_linger_zero(self, on: bool) -> None:
        if self._half is not None:
            self._half.linger_zero = on

    @property
    def connecting(self) -> bool:
        """True while a handshake is under way."""
        return self._handshake is not None

    def surrender(self) -> Half:
        """Hand the connection over to a transport."""
        half = self._connected()
        half.process = None
        self.release()
        return half

    def _connected(self) -> Half:
        if self._half is None:
            if self.options.error:
                number, self.options.error = self.options.error, 0
                raise os_error(number)
            raise os_error(errno.EAGAIN if self._handshake is not None else errno.ENOTCONN)
        return self._half

    # -- what the machine tells: see `tcp.Process`

    def readable(self) -> None:
        """There is something to read."""
        self._changed("read")
        if self._half is not None and self._half.error is not None:
            self._changed("write")

    def writable(self) -> None:
        """There is room to write."""
        self._changed("write")

    # -- what may be done now

    def can_read(self) -> bool:
        """Return True if `receive` or `accept` would not block."""
        if self._listener is not None:
            return bool(self._listener.accepted)
        half = self._half
        if half is None:
            return self._handshake is None
        return bool(half.receiver.unread) or half.receiver.finished or half.error is not None or self._reading_ended

    def can_write(self) -> bool:
        """Return True if `send` would not block."""
        half = self._half
        if half is None:
            return self._handshake is None and self._listener is None
        return half.gone or half.error is not None or half.sender.buffered_by_process() == 0

    def receive(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end of the stream."""
        half = self._connected()
        if size <= 0 or self._reading_ended:
            return b""
        if half.receiver.unread:
            data = half.receiver.read_some(size)
            half.receiver.tell_window()
            return data
        if half.error is not None:
            raise os_error(half.error.errno or errno.EIO)
        if half.receiver.finished:
            return b""
        raise os_error(errno.EAGAIN)

    def send(self, data: memoryview) -> int:
        """Send as much as the machine takes over; return the number of bytes."""
        half = self._connected()
        if half.error is not None:
            raise os_error(half.error.errno or errno.EIO)
        if half.gone or half.closed or half.sender.ended:
            raise os_error(errno.EPIPE)
        room = half.sender.room()
        if room < 0:
            raise os_error(errno.EAGAIN)
        # One byte more than there is room for: whoever waits with the process is told when there is room again.
        taken = bytes(data[: room + 1])
        if taken:
            half.sender.write(taken)
        return len(taken)

    def shutdown(self, how: int) -> None:
        """Close one direction, or both."""
        if self._half is None:
            raise os_error(errno.ENOTCONN)
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self._reading_ended = True
            self._changed("read")
        if how in (socket.SHUT_WR, socket.SHUT_RDWR):
            self._half.finish()

    def close(self) -> None:
        """Give back whatever this socket holds."""
        self.release()
        if self._handshake is not None:
            self._handshake.abandon()
            self._handshake = None
        if self._half is not None and self._half.process is self:
            self._half.close()
