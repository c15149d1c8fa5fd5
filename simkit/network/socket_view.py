"""What ``transport.get_extra_info("socket")`` and ``server.sockets`` give: an object that looks like a socket.

Libraries ask it for addresses and set options on it. It deliberately cannot send or receive: that is what the
transport is for, and asking for it is an AttributeError as with asyncio's own `TransportSocket`.
"""

import errno
import socket
import struct
from collections.abc import Callable

from simkit.network.tcp import SocketAddress, os_error

Option = int | bytes


class SocketView:
    """Addresses and options of a simulated socket."""

    family = socket.AF_INET

    def __init__(
        self,
        local: SocketAddress,
        remote: SocketAddress | None,
        *,
        type: socket.SocketKind = socket.SOCK_STREAM,
        on_linger_zero: Callable[[bool], None] | None = None,
    ) -> None:
        self._local = local
        self._remote = remote
        self._options: dict[tuple[int, int], Option] = {}
        self._on_linger_zero = on_linger_zero
        self.type = type
        self.proto = socket.IPPROTO_TCP if type == socket.SOCK_STREAM else socket.IPPROTO_UDP

    def __repr__(self) -> str:
        return f"<SocketView laddr={self._local} raddr={self._remote}>"

    def fileno(self) -> int:
        """Return -1: there is no file descriptor."""
        return -1

    def getsockname(self) -> SocketAddress:
        """Return the local address and port."""
        return self._local

    def getpeername(self) -> SocketAddress:
        """Return the remote address and port; OSError (ENOTCONN) if there is none."""
        if self._remote is None:
            raise os_error(errno.ENOTCONN)
        return self._remote

    def setsockopt(self, level: int, option: int, value: Option | None, length: int | None = None) -> None:
        """Keep an option. Only SO_LINGER of zero seconds has an effect: closing then resets the connection."""
        self._options[level, option] = bytes(length or 0) if value is None else value
        linger = (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER)
        if linger and isinstance(value, bytes) and self._on_linger_zero is not None:
            on, seconds = struct.unpack("ii", value)
            self._on_linger_zero(bool(on) and seconds == 0)

    def getsockopt(self, level: int, option: int, length: int = 0) -> Option:
        """Return what was set, or what a fresh Linux socket says to the few options libraries ask for."""
        value = self._options.get((level, option))
        if value is not None:
            return value
        if (level, option) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(self.type)
        return bytes(length) if length else 0

    def gettimeout(self) -> float:
        """Return 0.0: it is not blocking."""
        return 0.0

    def setblocking(self, flag: bool) -> None:
        """Accept False only, as asyncio's own `TransportSocket` does."""
        if flag:
            raise ValueError("setblocking(): transport sockets cannot be blocking")

    def dup(self) -> "SocketView":
        """Return itself; there is no descriptor to duplicate."""
        return self
