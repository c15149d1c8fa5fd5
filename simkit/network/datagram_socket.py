"""What a simulated UDP socket can do, without waiting: bind, connect, send, receive, close.

What has arrived waits here until the process asks for it, up to the size of a socket's buffer on Linux. It deliberately
knows nothing of waiting: `host_socket.py` does.
"""

import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from simkit.network.address import ANY_ADDRESS, LOCALHOST
from simkit.network.datagram import RECEIVE_BUFFER_BYTES
from simkit.network.socket_options import SocketOptions
from simkit.network.stream_socket import UNBOUND
from simkit.network.tcp import SocketAddress, os_error
from simkit.network.udp import Port, Taker

if TYPE_CHECKING:
    from simkit.network.stack import Stack


class DatagramSocket:
    """One UDP socket of a process.

    Args:
        stack: of the process.
        options: of the socket.
        changed: called with "read" when something has arrived.
    """

    def __init__(self, stack: "Stack", options: SocketOptions, changed: Callable[[str], None]) -> None:
        self._stack = stack
        self._options = options
        self._changed = changed
        self._port: Port | None = None
        self._arrived: deque[tuple[bytes, SocketAddress]] = deque()
        self._arrived_bytes = 0
        self._error: OSError | None = None

    @property
    def port(self) -> Port:
        """The port; an ephemeral one, on all addresses, if none was bound."""
        if self._port is None:
            self.bind(UNBOUND)
            assert self._port is not None
        return self._port

    @property
    def local(self) -> SocketAddress:
        """The local address and port; zeros if there is none yet."""
        return self._port.local if self._port is not None else UNBOUND

    @property
    def remote(self) -> SocketAddress | None:
        """Whom the socket is connected to, if to anybody."""
        return self._port.remote if self._port is not None else None

    def bind(self, address: SocketAddress) -> None:
        """Take an address and port; OSError as of `bind(2)`."""
        if self._port is not None:
            raise os_error(errno.EINVAL)
        host, port = self._stack.own_address(address)
        local = (host, port or self._stack.ephemeral_port(datagrams=True))
        if not self._stack.is_free(local, datagrams=True):
            raise os_error(errno.EADDRINUSE)
        self._port = Port(self._stack, local, self, self._options)

    def connect(self, address: SocketAddress) -> None:
        """Send only to `address` from now on, and hear only from there."""
        if self._port is None:
            loopback = address[0].startswith("127.")
            self.bind((LOCALHOST if loopback else self._stack.interface.address, 0))
            assert self._port is not None
        self._port.remote = (LOCALHOST if address[0] == ANY_ADDRESS else address[0], address[1])

    # -- what the machine tells: see `udp.Taker`

    def is_full(self, size: int) -> bool:
        """Return True if there is no room for a packet of `size` bytes."""
        return self._arrived_bytes + size > RECEIVE_BUFFER_BYTES

    def take(self, data: bytes, source: SocketAddress) -> None:
        """Keep a packet."""
        self._arrived.append((data, source))
        self._arrived_bytes += len(data)
        self._changed("read")

    def hear(self, error: OSError) -> None:
        """Keep an ICMP error for the next call."""
        self._error = error
        self._changed("read")

    # -- what may be done now

    def can_read(self) -> bool:
        """Return True if `receive` would not block."""
        return bool(self._arrived) or self._error is not None

    def can_write(self) -> bool:
        """Return True: a packet leaves at once."""
        return True

    def receive(self, size: int) -> tuple[bytes, SocketAddress]:
        """Return the packet that has waited longest, cut off after `size` bytes, and its source."""
        self._tell_error()
        if not self._arrived:
            raise os_error(errno.EAGAIN)
        data, source = self._arrived.popleft()
        self._arrived_bytes -= len(data)
        return data[:size], source

    def send(self, data: bytes, target: SocketAddress | None = None) -> int:
        """Send one packet; return its size."""
        self._tell_error()
        port = self.port
        target = target or port.remote
        if target is None:
            raise os_error(errno.EDESTADDRREQ)
        port.send(data, target)
        return len(data)

    def _tell_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def pass_on(self, taker: Taker) -> None:
        """Let `taker` have what has arrived, and everything from now on."""
        self.port.taker = taker
        while self._arrived:
            taker.take(*self._arrived.popleft())
        if self._error is not None:
            taker.hear(self._error)

    def close(self) -> None:
        """Free the port, unless a transport has it."""
        if self._port is not None and self._port.taker is self:
            self._port.close()
