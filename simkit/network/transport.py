"""The asyncio transport of a simulated stream: what protocols see of a connection.

It behaves as asyncio's own socket transport does, in the same corners: writing after closing is ignored, `abort` drops
what is buffered, `connection_lost` comes exactly once and never from inside a call of the protocol's owner.

It deliberately holds no network behaviour: that is the machine's, in `tcp.py`, and goes on when the process has ended.
"""

import asyncio
import logging
from asyncio import constants
from collections.abc import Callable, Iterable
from contextvars import copy_context
from socket import SOCK_STREAM
from typing import TYPE_CHECKING, Any, Final

from simkit.network.socket_options import SocketOptions
from simkit.network.socket_view import SocketView

if TYPE_CHECKING:
    from simkit.kernel import HostLoop
    from simkit.network.server import SimServer
    from simkit.network.tcp import Half

logger = logging.getLogger("asyncio")

HIGH_WATER_BYTES: Final = 65_536
_WARN_AFTER_WRITES: Final = 5
Data = bytes | bytearray | memoryview


class SimTransport(asyncio.Transport):
    """One end of a stream.

    Args:
        loop: of the process.
        half: the machine's part of the connection.
        protocol: a `Protocol` or `BufferedProtocol`.
        server: that accepted the connection, if one did.
        options: of the socket the connection was made with, if there was one.
    """

    _start_tls_compatible = True  # what `loop.start_tls` asks for
    _sendfile_compatible = constants._SendfileMode.FALLBACK  # what `loop.sendfile` asks for

    def __init__(
        self,
        loop: "HostLoop",
        half: "Half",
        protocol: asyncio.BaseProtocol,
        server: "SimServer | None" = None,
        *,
        options: SocketOptions | None = None,
    ) -> None:
        options = options or SocketOptions(SOCK_STREAM)
        options.on_linger_zero = self._set_linger_zero
        view = SocketView(half.local, half.remote, options)
        super().__init__({"peername": half.remote, "sockname": half.local, "socket": view})
        self._loop = loop
        self._half = half
        self._server = server
        # As a selector keeps the context in which a reader was added: callbacks never see that of the sender.
        self._context = copy_context()
        self._high, self._low = HIGH_WATER_BYTES, HIGH_WATER_BYTES // 4
        self._reading_paused = self._writing_paused = False
        self._ended = False  # the protocol has seen the end of what the peer sends
        self._eof_written = False
        self._closing = False
        self._lost = False  # connection_lost is called, or about to be
        self._writes_in_vain = 0
        self.set_protocol(protocol)
        if server is not None:
            server.attached(self)

    def __repr__(self) -> str:
        state = "closing" if self._closing else "open"
        return f"<SimTransport {self._half.local} -> {self._half.remote} {state}>"

    def start(self) -> None:
        """Introduce the transport to its protocol, then let it read."""
        self._call(self._protocol.connection_made, self)
        half = self._half
        if not half.closed:
            half.process = self
        if half.receiver.unread or half.receiver.finished or half.error is not None:
            self._loop.call_soon(half.look)

    # -- reading

    def readable(self) -> None:
        """Give the protocol what has arrived: data, then the end of it, or the error."""
        half = self._half
        if self._reading_paused:
            # An error shows only to who reads, or waits to write.
            if half.error is not None and self._writing_paused:
                self._force_close(half.error)
            return
        while half.receiver.unread and not (self._closing or self._reading_paused):
            data = half.receiver.read()
            self._call(self._feed_buffered if self._buffered else self._feed, data)
        if self._closing or self._reading_paused:
            return
        if half.error is not None:
            self._force_close(half.error)
        elif half.receiver.finished and not self._ended:
            self._ended = True
            if not self._call(self._protocol.eof_received):
                self.close()

    def _feed(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def _feed_buffered(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view) and not self._lost:
            # As with one recv_into for each buffer; what the protocol pauses for in between has arrived already.
            buffer = memoryview(self._protocol.get_buffer(-1)).cast("B")
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
            size = min(len(buffer), len(view))
            buffer[:size] = view[:size]
            self._protocol.buffer_updated(size)
            view = view[size:]

    def pause_reading(self) -> None:
        """Leave what arrives with the machine; its window fills."""
        if not self._closing:
            self._reading_paused = True

    def resume_reading(self) -> None:
        """Read again, what has been waiting first."""
        if self._reading_paused and not self._closing:
            self._reading_paused = False
            self._loop.call_soon(self._half.look)

    def is_reading(self) -> bool:
        """Return True if the protocol gets what arrives."""
        return not self._closing and not self._reading_paused

    # -- writing

    def write(self, data: Data) -> None:
        """Send bytes; what does not fit into the machine's buffer waits here, without limit."""
        if type(data) is not bytes:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
            data = bytes(data)  # the caller may change what it lent
        if self._eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        half = self._half
        if self._lost or half.gone or half.closed:
            self._write_in_vain()
            return
        half.sender.write(data)
        if half.sender.blocked:
            self._pause_protocol_if_full()

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        """Send several pieces as one."""
        self.write(b"".join(list_of_data))

    def _write_in_vain(self) -> None:
        if self._half.error is not None and not self._lost:
            self._force_close(self._half.error)
            return
        self._writes_in_vain += 1
        if self._writes_in_vain == _WARN_AFTER_WRITES:
            logger.warning("socket.send() raised exception.")

    def write_eof(self) -> None:
        """Close the sending direction behind what was written; go on reading."""
        if not self._closing and not self._eof_written:
            self._eof_written = True
            self._half.finish()

    def can_write_eof(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> None:
        """The machine took over more: let the protocol go on, or finish closing."""
        if self._lost:
            return
        size = self.get_write_buffer_size()
        if self._writing_paused and size <= self._low:
            self._writing_paused = False
            self._call(self._protocol.resume_writing)
        if self._closing and not size:
            self._call_connection_lost_soon(None)

    def _pause_protocol_if_full(self) -> None:
        if not self._writing_paused and self.get_write_buffer_size() > self._high:
            self._writing_paused = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """Return the bytes that are still with the process."""
        return 0 if self._lost or self._half.gone else self._half.sender.buffered_by_process()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high) in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set at how many buffered bytes the protocol is paused, and resumed; 64 KiB and a quarter by default."""
        if high is None:
            high = HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._pause_protocol_if_full()

    # -- the protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give what arrives to another protocol from now on."""
        self._protocol: Any = protocol
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    def _call(self, callback: Callable[..., object], *args: object) -> object:
        """Call the protocol in this connection's context; what it raises breaks the connection, as in asyncio."""
        try:
            return self._context.run(callback, *args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error)
            return None

    def _fatal_error(self, error: BaseException, message: str = "Fatal error on transport") -> None:
        if not isinstance(error, OSError):
            context = {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            self._loop.call_exception_handler(context)
        self._force_close(error)

    # -- the end

    def is_closing(self) -> bool:
        """Return True once `close` or `abort` was called, the connection broke, or the process ended."""
        return self._closing or not self._loop.alive

    def close(self) -> None:
        """Stop reading; send what is buffered, then FIN."""
        if self._closing:
            return
        self._closing = True
        if not self.get_write_buffer_size():
            self._call_connection_lost_soon(None)

    def abort(self) -> None:
        """Close at once and forget what is buffered here; what the machine has taken over is still sent."""
        self._force_close(None)

    def _force_close(self, error: BaseException | None) -> None:
        self._closing = True
        if not self._lost and not self._half.gone:
            self._half.sender.process_ended()
        self._call_connection_lost_soon(error)

    def _call_connection_lost_soon(self, error: BaseException | None) -> None:
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._connection_lost, error, context=self._context)

    def _connection_lost(self, error: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._half.close()
            server, self._server = self._server, None
            if server is not None:
                server.detached(self)

    def _set_linger_zero(self, on: bool) -> None:
        self._half.linger_zero = on
