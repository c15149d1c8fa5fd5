"""What ``transport.get_extra_info("socket")`` and ``server.sockets`` give: an object that looks like a socket.

Libraries ask it for addresses and set options on it. It deliberately cannot send or receive: that is what the
transport is for, and asking for it is an AttributeError as with asyncio's own `TransportSocket`.
"""

import errno
import socket

from simkit.network.socket_options import Option, SocketOptions
from simkit.network.tcp import SocketAddress, os_error


class SocketView:
    """Addresses and options of a simulated socket."""

    family = socket.AF_INET

    def __init__(self, local: SocketAddress, remote: SocketAddress | None, options: SocketOptions) -> None:
        self._local = local
        self._remote = remote
        self._options = options
        self.type = options.type
        self.proto = options.protocol

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
        """See `SocketOptions.set`."""
        self._options.set(level, option, value, length)

    def getsockopt(self, level: int, option: int, length: int = 0) -> Option:
        """See `SocketOptions.get`."""
        return self._options.get(level, option, length)

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
