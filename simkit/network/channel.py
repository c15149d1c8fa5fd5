"""An ordered channel of messages between two nodes, on top of a stream.

Messages arrive once and in order, or the channel breaks, and everybody who uses it afterwards is told so. Both ends
may send and request; what arrives goes to the node's handlers.

It deliberately does not reconnect: whether what was under way may be repeated is for the node to decide.
"""

import asyncio
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final, TypeVar, overload

from simkit.network.errors import RequestTimeout
from simkit.network.handlers import Origin, checked_reply
from simkit.network.message import Message

if TYPE_CHECKING:
    from simkit.kernel import HostLoop

Reply = TypeVar("Reply", bound=Message)
Dispatch = Callable[[Message, Origin], None]

FRAME_BYTES_MAX: Final = 64 * 2**20
"""A larger frame is not one of ours, and breaks the channel."""

_HEAD = Struct(">IBI")  # bytes of the message, purpose, number of the request
_SEND, _REQUEST, _REPLY = range(3)


class ChannelProtocol(asyncio.Protocol):
    """Frames messages on one stream; one end of a channel."""

    def __init__(self, dispatch: Dispatch, target: str | None = None) -> None:
        self._dispatch = dispatch
        self._target = target
        self._buffer = bytearray()
        self._numbers = 0
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._writable: asyncio.Future[None] | None = None
        self.error: ConnectionError | None = None

    @property
    def peer(self) -> str:
        """The name of the host at the other end."""
        assert self._target is not None
        return self._target

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        if self._target is None:
            stack = self._loop.stack  # type: ignore[attr-defined]
            address = transport.get_extra_info("peername")[0]
            self._target = stack.network.find(address, stack.interface).name

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEAD.size and self.error is None:
            size, purpose, number = _HEAD.unpack_from(buffer, start)
            if size > FRAME_BYTES_MAX or purpose > _REPLY:
                self._break("the peer does not speak the protocol of channels")
                return
            end = start + _HEAD.size + size
            if len(buffer) < end:
                break
            payload = bytes(memoryview(buffer)[start + _HEAD.size : end])
            start = end
            try:
                message = Message.decode(payload)
            except ValueError as error:
                self._break(str(error))
                return
            self._take(message, purpose, number)
        del buffer[:start]

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self.error is None:
            self.error = ConnectionError(f"the channel to {self.peer} is closed" if error is None else str(error))
        replies, self._replies = self._replies, {}
        for future in [*replies.values(), self._writable]:
            if future is not None and not future.done():
                future.set_exception(self.error)
                future.exception()  # seen: perhaps nobody waits, and nobody needs to hear of it twice

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- messages

    def _take(self, message: Message, purpose: int, number: int) -> None:
        if purpose == _REPLY:
            future = self._replies.pop(number, None)
            if future is not None and not future.done():
                future.set_result(message)
            return

        def answer(reply: Message) -> None:
            if self.error is None:
                self._write(reply, _REPLY, number)

        self._dispatch(message, Origin(self.peer, answer if purpose == _REQUEST else None))

    def _write(self, message: Message, purpose: int, number: int) -> None:
        tampering = self._loop.stack.interface.tampering  # type: ignore[attr-defined]
        if tampering is None:
            self._write_frame(message, purpose, number)
            return
        for delay_ns, said in tampering.outgoing(self.peer, message):
            if delay_ns:
                self._loop.call_later(delay_ns / 1e9, self._write_frame, said, purpose, number)
            else:
                self._write_frame(said, purpose, number)

    def _write_frame(self, message: Message, purpose: int, number: int) -> None:
        if self._transport.is_closing():
            return
        payload = message.encode()
        self._transport.write(_HEAD.pack(len(payload), purpose, number) + payload)

    def _break(self, reason: str) -> None:
        self.error = ConnectionError(f"the channel to {self.peer} broke: {reason}")
        self._transport.abort()

    async def send(self, message: Message) -> None:
        """See `Channel.send`."""
        if self.error is not None:
            raise self.error
        self._write(message, _SEND, 0)
        if self._writable is not None:
            await asyncio.shield(self._writable)

    async def request(self, message: Message, timeout_s: float) -> Message:
        """Send a request and return what came back for it."""
        if self.error is not None:
            raise self.error
        self._numbers = number = (self._numbers + 1) & 0xFFFF_FFFF
        future: asyncio.Future[Message] = self._loop.create_future()
        self._replies[number] = future
        timer = self._loop.call_later(timeout_s, self._expire, future, message, timeout_s)
        try:
            self._write(message, _REQUEST, number)
            return await future
        finally:
            timer.cancel()
            self._replies.pop(number, None)

    def _expire(self, future: asyncio.Future[Message], message: Message, timeout_s: float) -> None:
        if not future.done():
            future.set_exception(RequestTimeout(self.peer, message.wire_tag, timeout_s))

    def close(self) -> None:
        """Close the stream behind what was sent."""
        if self.error is None:
            self.error = ConnectionError(f"the channel to {self.peer} is closed")
        self._transport.close()


class Channel:
    """The end of a channel that opened it."""

    def __init__(self, protocol: ChannelProtocol) -> None:
        self._protocol = protocol

    @property
    def peer(self) -> str:
        """The name of the host at the other end."""
        return self._protocol.peer

    @property
    def broken(self) -> bool:
        """True once the channel is closed, by whomever, or has broken."""
        return self._protocol.error is not None

    async def send(self, message: Message) -> None:
        """Send a message behind all others; wait while too much is under way.

        A ConnectionError means that the channel has broken; messages before it may or may not have arrived.
        """
        await self._protocol.send(message)

    @overload
    async def request(self, message: Message, timeout_s: float) -> Message | None: ...
    @overload
    async def request(self, message: Message, timeout_s: float, expect: type[Reply]) -> Reply: ...

    async def request(self, message: Message, timeout_s: float, expect: type[Message] | None = None) -> Message | None:
        """Send a request and return what its handler returned.

        Raises RequestTimeout, RemoteError, TypeError as `Endpoint.request` does, and ConnectionError if the channel
        breaks before the reply.
        """
        reply = await self._protocol.request(message, timeout_s)
        return checked_reply(self.peer, reply, expect)

    def close(self) -> None:
        """Close the channel behind what was sent; the peer sees it break."""
        self._protocol.close()


async def open_channel(loop: "HostLoop", target: str, port: int, dispatch: Dispatch) -> Channel:
    """Connect to the node on `target`."""
    _, protocol = await loop.create_connection(lambda: ChannelProtocol(dispatch, target), target, port)
    return Channel(protocol)
