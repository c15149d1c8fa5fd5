"""The options of one simulated socket: kept and given back as set.

They deliberately have almost no effect. SO_LINGER of zero seconds resets the connection when it is closed, SO_BROADCAST
is asked for before a broadcast is refused in other words, joining a multicast group fails, as there is none, and with
IP_MTU_DISCOVER a datagram is refused rather than cut into fragments.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import Final

Option = int | bytes

_GROUP_OPTION: Final = (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP)
_MTU_DISCOVERY: Final = (socket.IPPROTO_IP, 10)
_WHOLE: Final = (2, 3)
"""IP_MTU_DISCOVER, and its values that set "don't fragment": IP_PMTUDISC_DO and IP_PMTUDISC_PROBE (ip(7))."""

_BUFFER_BYTES: Final = {socket.SO_RCVBUF: 131_072, socket.SO_SNDBUF: 16_384}
"""What a fresh Linux socket says."""


class SocketOptions:
    """Options of a socket of one type.

    Attributes:
        error: what SO_ERROR gives, once: the errno of a connection that failed.
        whole: datagrams are sent in one piece or not at all.
        on_linger_zero: told when SO_LINGER of zero seconds is switched on or off.
    """

    def __init__(self, type: socket.SocketKind) -> None:
        self.type = type
        self.protocol = socket.IPPROTO_TCP if type == socket.SOCK_STREAM else socket.IPPROTO_UDP
        self.error = 0
        self.on_linger_zero: Callable[[bool], None] | None = None
        self.linger_zero = self.whole = False
        self._values: dict[tuple[int, int], Option] = {}

    def set(self, level: int, option: int, value: Option | None, length: int | None = None) -> None:
        """Keep an option; OSError (ENODEV) for a multicast group."""
        if (level, option) == _GROUP_OPTION:
            raise OSError(errno.ENODEV, f"{os.strerror(errno.ENODEV)}: the simulated network has no multicast")
        self._values[level, option] = bytes(length or 0) if value is None else value
        if (level, option) == _MTU_DISCOVERY:
            self.whole = value in _WHOLE
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER) and isinstance(value, bytes):
            on, seconds = struct.unpack("ii", value)
            self.linger_zero = bool(on) and seconds == 0
            if self.on_linger_zero is not None:
                self.on_linger_zero(self.linger_zero)

    def get(self, level: int, option: int, length: int = 0) -> Option:
        """Return what was set, or what a fresh Linux socket says to the few options libraries ask for."""
        if level == socket.SOL_SOCKET and option == socket.SO_ERROR:
            number, self.error = self.error, 0
            return number
        value = self._values.get((level, option))
        if value is not None:
            return value
        if level == socket.SOL_SOCKET:
            if option == socket.SO_TYPE:
                return int(self.type)
            if option == socket.SO_PROTOCOL:
                return int(self.protocol)
            if option == socket.SO_DOMAIN:
                return int(socket.AF_INET)
            if option in _BUFFER_BYTES:
                return _BUFFER_BYTES[option]
        return bytes(length) if length else 0
