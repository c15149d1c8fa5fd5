"""UDP for asyncio: `loop.create_datagram_endpoint` between simulated hosts.

A packet is sent once, may be lost and overtaken, and reaches whoever has the port when it arrives. Only a connected
endpoint hears of ports where nobody listens and of hosts that cannot be reached, as on Linux.

It deliberately has no broadcast and no multicast.
"""

import asyncio
import errno
from collections.abc import Callable
from contextvars import copy_context
from socket import SOCK_DGRAM
from typing import TYPE_CHECKING, Any, Final

from simkit.network.address import ANY_ADDRESS, LOCALHOST
from simkit.network.datagram import Datagram
from simkit.network.path import REJECTED, Path
from simkit.network.socket_view import SocketView
from simkit.network.tcp import SocketAddress, os_error
from simkit.network.transport import HIGH_WATER_BYTES

if TYPE_CHECKING:
    from simkit.kernel import HostLoop
    from simkit.network.stack import Stack

PAYLOAD_BYTES_MAX: Final = 65_507
_ICMP_BYTES: Final = 70


class Packet(Datagram):
    """One UDP packet."""

    __slots__ = ("sender", "source", "target")

    def __init__(
        self, path: Path, payload: bytes, source: SocketAddress, target: SocketAddress, sender: "UdpTransport"
    ) -> None:
        self.path = path
        self.payload = payload
        self.source = source
        self.target = target
        self.sender = sender

    def delivered(self, stack: "Stack") -> None:
        """Give the packet to who has the port; tell a connected sender if nobody has it."""
        receiver = stack.datagram_endpoint(self.target)
        if receiver is not None:
            self.told("delivered")
            receiver.receive(self.payload, self.source)
            return
        self.told("refused")
        arrival_ns = stack.interface.path_to(self.path.source).transit(_ICMP_BYTES)
        if arrival_ns >= 0:
            self.sender.hear_of(os_error(errno.ECONNREFUSED), arrival_ns)

    def told(self, outcome: str) -> None:
        """Record what became of the packet."""
        path, write = self.path, self.path.network.world.records.write
        ports = self.source[1], self.target[1]
        write("message", path.target.name, path.source.name, "udp", *ports, outcome, payload=self.payload)


class UdpTransport(asyncio.DatagramTransport):
    """One bound port; `remote` if it is connected."""

    def __init__(
        self,
        stack: "Stack",
        protocol: asyncio.BaseProtocol,
        local: SocketAddress,
        remote: SocketAddress | None,
    ) -> None:
        view = SocketView(local, remote, type=SOCK_DGRAM)
        super().__init__({"sockname": local, "peername": remote, "socket": view})
        self._stack = stack
        self._loop: HostLoop = stack.loop
        self._protocol: Any = protocol
        self._local = local
        self._remote = remote
        self._context = copy_context()
        self._closing = False
        stack.datagram_endpoints[local] = self
        self._call(self._protocol.connection_made, self)

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        """Send one packet; errors come to the protocol's `error_received`."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._remote is not None and addr not in (None, self._remote):
            raise ValueError(f"Invalid address: must be None or {self._remote}")
        target = self._remote or addr
        if target is None:
            raise ValueError("sendto() of an endpoint that is not connected needs an address")
        if self._closing or not self._stack.running:
            return
        interface = self._stack.network.find(target[0], self._stack.interface)
        if len(data) > PAYLOAD_BYTES_MAX or interface is None:
            number = errno.EHOSTUNREACH if interface is None else errno.EMSGSIZE
            self._call(self._protocol.error_received, os_error(number))
            return
        path = self._stack.interface.path_to(interface)
        source = self._local
        if source[0] == ANY_ADDRESS:
            source = (LOCALHOST if target[0].startswith("127.") else self._stack.interface.address, source[1])
        packet = Packet(path, bytes(data), source, (target[0], target[1]), self)
        if packet.launch() == REJECTED:
            self.hear_of(os_error(errno.EHOSTUNREACH), self._stack.world.now_ns + path.latency_ns)

    def receive(self, data: bytes, source: SocketAddress) -> None:
        """Take a packet; a connected endpoint takes only those of its peer."""
        if not self._closing and self._remote in (None, source):
            self._call(self._protocol.datagram_received, data, source)

    def hear_of(self, error: OSError, time_ns: int) -> None:
        """Let the protocol hear of an ICMP error at a moment, if this endpoint is connected."""
        if self._remote is not None:
            self._stack.world.post(time_ns, self._loop, self._heard_of, error)

    def _heard_of(self, error: OSError) -> None:
        if not self._closing:
            self._call(self._protocol.error_received, error)

    def close(self) -> None:
        """Free the port."""
        if not self._closing:
            self._closing = True
            self._stack.datagram_endpoints.pop(self._local, None)
            self._loop.call_soon(self._protocol.connection_lost, None, context=self._context)

    def abort(self) -> None:
        """Free the port."""
        self.close()

    def is_closing(self) -> bool:
        """Return True once closed, or once the process has ended."""
        return self._closing or not self._loop.alive

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give what arrives to another protocol from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    def get_write_buffer_size(self) -> int:
        """Return 0: a packet leaves at once, or is dropped."""
        return 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high) in bytes."""
        return HIGH_WATER_BYTES // 4, HIGH_WATER_BYTES

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: nothing is buffered."""

    def _call(self, callback: Callable[..., object], *args: object) -> None:
        try:
            # A copy each time: a protocol that sends may hear of an error before it has returned.
            self._context.copy().run(callback, *args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            context = {"message": "Fatal error on datagram transport", "exception": error, "transport": self}
            self._loop.call_exception_handler(context)
            self.close()
