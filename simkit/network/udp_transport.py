"""The asyncio transport of a UDP port: `loop.create_datagram_endpoint` between simulated hosts.

Packets go to the protocol one by one, errors to its `error_received`. It deliberately buffers nothing: a packet leaves
at once, or is dropped on the way.
"""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from simkit.network.socket_options import SocketOptions
from simkit.network.socket_view import SocketView
from simkit.network.tcp import SocketAddress
from simkit.network.transport import HIGH_WATER_BYTES

if TYPE_CHECKING:
    from simkit.kernel import HostLoop
    from simkit.network.datagram_socket import DatagramSocket


class UdpTransport(asyncio.DatagramTransport):
    """What protocols see of a port.

    Args:
        loop: of the process.
        protocol: a `DatagramProtocol`.
        held: the socket that has the port.
        options: of the socket.
        remote: where to send, if the socket itself is not connected.
    """

    def __init__(
        self,
        loop: "HostLoop",
        protocol: asyncio.BaseProtocol,
        held: "DatagramSocket",
        options: SocketOptions,
        remote: SocketAddress | None = None,
    ) -> None:
        port = held.port
        view = SocketView(port.local, port.remote, options)
        super().__init__({"sockname": port.local, "peername": port.remote, "socket": view})
        self._held = held
        self._loop = loop
        self._protocol: Any = protocol
        self._port = port
        # With `allow_broadcast` asyncio leaves the socket unconnected, and remembers itself where to send.
        self._remote = remote or port.remote
        self._context = copy_context()
        self._closing = False

    def start(self) -> None:
        """Introduce the transport to its protocol, then let it receive."""
        self._call(self._protocol.connection_made, self)
        self._held.pass_on(self)

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        """Send one packet; errors come to the protocol's `error_received`."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._remote is not None and addr not in (None, self._remote):
            raise ValueError(f"Invalid address: must be None or {self._remote}")
        target = self._remote or addr
        if target is None:
            raise ValueError("sendto() of an endpoint that is not connected needs an address")
        if self._closing:
            return
        try:
            self._port.send(bytes(data), self._port.remote or self._port.stack.target_of(target))
        except OSError as error:
            self._call(self._protocol.error_received, error)

    def is_full(self, size: int) -> bool:
        """Return False: the protocol takes everything at once."""
        return False

    def take(self, data: bytes, source: SocketAddress) -> None:
        """Give a packet to the protocol."""
        if not self._closing:
            self._call(self._protocol.datagram_received, data, source)

    def hear(self, error: OSError) -> None:
        """Tell the protocol of an ICMP error."""
        if not self._closing:
            self._call(self._protocol.error_received, error)

    def close(self) -> None:
        """Free the port."""
        if not self._closing:
            self._closing = True
            self._port.close()
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
