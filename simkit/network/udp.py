"""UDP between simulated hosts: packets and ports.

A packet is sent once, may be lost and overtaken, and reaches whoever has the port when it arrives. Only a connected
port hears of ports where nobody listens and of hosts that cannot be reached, as on Linux.

It deliberately has no broadcast and no multicast.
"""

import errno
from typing import TYPE_CHECKING, Final, Protocol

from simkit.network.address import ANY_ADDRESS, BROADCAST_ADDRESS, LOCALHOST
from simkit.network.datagram import Datagram
from simkit.network.link import DATAGRAM_HEADER_BYTES
from simkit.network.path import Path
from simkit.network.socket_options import SocketOptions
from simkit.network.tcp import SocketAddress, os_error

if TYPE_CHECKING:
    from simkit.network.stack import Stack

PAYLOAD_BYTES_MAX: Final = 65_507
_ICMP_BYTES: Final = 70


class Packet(Datagram):
    """One UDP packet."""

    __slots__ = ("sender", "source", "target")

    def __init__(
        self, path: Path, payload: bytes, source: SocketAddress, target: SocketAddress, sender: "Port"
    ) -> None:
        self.path = path
        self.payload = payload
        self.source = source
        self.target = target
        self.sender = sender

    def delivered(self, stack: "Stack") -> None:
        """Give the packet to who has the port; tell a connected sender if nobody has it."""
        port = stack.port(self.target)
        if port is not None:
            full = port.taker.is_full(len(self.payload))
            self.told("overflowed" if full else "delivered")
            if not full:
                port.receive(self.payload, self.source)
            return
        self.told("refused")
        stack.interface.path_to(self.path.source).carry(_ICMP_BYTES, self._refused)

    def _refused(self, arrival_ns: int) -> None:
        if arrival_ns >= 0:
            self.sender.hear_of(os_error(errno.ECONNREFUSED), arrival_ns)

    def rejected(self) -> None:
        """Tell a connected sender."""
        path = self.path
        self.sender.hear_of(os_error(errno.EHOSTUNREACH), path.network.world.now_ns + path.latency_ns)

    def told(self, outcome: str) -> None:
        """Record what became of the packet."""
        path, write = self.path, self.path.network.world.records.write
        ports = self.source[1], self.target[1]
        detail = path.source.name, "udp", *ports, outcome
        write("message", path.target.name, *detail, payload=self.payload, value=self.sent_ns)


class Taker(Protocol):
    """Who takes what arrives at a port."""

    def is_full(self, size: int) -> bool:
        """Return True if there is no room for a packet of `size` bytes."""
        ...

    def take(self, data: bytes, source: SocketAddress) -> None:
        """Take a packet."""
        ...

    def hear(self, error: OSError) -> None:
        """Hear of an ICMP error."""
        ...


class Port:
    """One UDP port that a process has bound.

    Attributes:
        local: address and port.
        remote: whom it is connected to, if to anybody: then it takes packets of no other, and hears of ICMP errors.
        taker: who takes what arrives.
        options: of the socket; where packets are not to be fragmented, one that does not fit is an EMSGSIZE.
    """

    def __init__(self, stack: "Stack", local: SocketAddress, taker: Taker, options: SocketOptions) -> None:
        self.stack = stack
        self.local = local
        self.remote: SocketAddress | None = None
        self.taker = taker
        self.options = options
        self._closed = False
        stack.ports[local] = self

    def send(self, data: bytes, target: SocketAddress) -> None:
        """Send one packet; OSError if that is impossible from the start."""
        stack = self.stack
        if self._closed or not stack.running:
            return
        if target[0] == BROADCAST_ADDRESS:
            raise OSError(errno.ENETUNREACH, "Network is unreachable: the simulated network has no broadcast")
        interface = stack.network.find(target[0], stack.interface)
        if len(data) > PAYLOAD_BYTES_MAX or interface is None:
            raise os_error(errno.EHOSTUNREACH if interface is None else errno.EMSGSIZE)
        path = stack.interface.path_to(interface)
        source = self.local
        if source[0] == ANY_ADDRESS:
            source = (LOCALHOST if target[0].startswith("127.") else stack.interface.address, source[1])
        if self.options.whole and len(data) + DATAGRAM_HEADER_BYTES > path.look().frame_bytes:
            raise os_error(errno.EMSGSIZE)
        Packet(path, data, source, target, self).launch()

    def receive(self, data: bytes, source: SocketAddress) -> None:
        """Take a packet."""
        if not self._closed and self.remote in (None, source):
            self.taker.take(data, source)

    def hear_of(self, error: OSError, time_ns: int) -> None:
        """Let the process hear of an ICMP error at a moment, if the port is connected."""
        if self.remote is not None:
            self.stack.world.post(time_ns, self.stack.loop, self._hear, error)

    def _hear(self, error: OSError) -> None:
        if not self._closed:
            self.taker.hear(error)

    def close(self) -> None:
        """Free the port."""
        if not self._closed:
            self._closed = True
            self.stack.ports.pop(self.local, None)
