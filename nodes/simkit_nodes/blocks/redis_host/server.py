"""The server around an engine: connections on port 6379, replies held back until the append-only file allows them.

A reply leaves only when everything written before it is as safe as the policy promises, reads included: nobody sees
what a power cut could still take away. Nothing a client sends ends the process: a broken frame gets a protocol error
and its connection is closed. It is not a cluster node: no replication, no sentinel, no memory limit yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakeredis._helpers import NoResponse, SimpleError, SimpleString
from fakeredis.model import is_write_command

from simkit_nodes.blocks.redis_host.append_only_file import AppendOnlyFile, Disk, Recovery, SyncPolicy
from simkit_nodes.blocks.redis_host.connection import Connection, plain
from simkit_nodes.blocks.redis_host.containment import Entropy
from simkit_nodes.blocks.redis_host.engine import Engine
from simkit_nodes.blocks.redis_host.resp import ProtocolError, RequestParser, encode_error, encode_push, encode_reply

LOG = logging.getLogger("redis_host")

LOADING = SimpleError("LOADING Redis is loading the dataset in memory")
_ALLOWED_WHILE_LOADING = frozenset({b"hello", b"auth", b"client", b"command", b"info", b"quit"})
_SCRIPTS = frozenset({b"eval", b"evalsha"})


@dataclass(frozen=True)
class Limits:
    """What one client may cost: bytes of a string, of a request, of unread replies; and how many there may be."""

    bulk_bytes_max: int = 8 * 1024 * 1024
    request_bytes_max: int = 64 * 1024 * 1024
    output_bytes_max: int = 256 * 1024 * 1024
    clients_max: int = 10_000


class RedisServer:
    """A Redis process on a host: engine, append-only file, listening socket.

    `observe(words, reply)` may return a notice for an executed command; `announce(notice)` gets it when the reply is
    released, that is, when what it tells is as durable as the policy promises. Neither runs while the file is being
    replayed.
    """

    def __init__(
        self,
        *,
        disk: Disk,
        wall_ns: Callable[[], int],
        entropy: Entropy,
        policy: SyncPolicy = SyncPolicy.ALWAYS,
        port: int = 6379,
        host: str | None = None,
        limits: Limits | None = None,
        observe: Callable[[list[bytes], Any], Any] | None = None,
        announce: Callable[[Any], None] | None = None,
    ) -> None:
        self.engine = Engine(wall_ns, entropy)
        self.file = AppendOnlyFile(disk, policy, on_release=self.release)
        self.limits = limits or Limits()
        self.port = port
        self.host = host
        self.loading = True
        self.links: dict[Link, None] = {}
        self.commands = 0
        self.protocol_errors = 0
        self._observe = observe
        self._announce = announce
        self._held: deque[tuple[int, Callable[[bytes], None] | None, bytes, Any]] = deque()
        self._unsent: dict[Link, None] = {}

    # The process

    async def open(self) -> asyncio.Server:
        """Listen. Until `recover` is through, clients are told -LOADING."""
        return await asyncio.get_running_loop().create_server(lambda: Link(self), self.host, self.port)

    async def recover(self) -> Recovery:
        """Replay the append-only file; afterwards commands are served."""
        self.engine.loading = True
        connection = Connection(self.engine)

        def apply(words: list[bytes]) -> None:
            reply = connection.execute(words)
            if isinstance(reply, SimpleError):
                LOG.error("replay of %r: %s", words[0], reply.value)

        recovery = await self.file.recover(apply)
        connection.leave()
        self.engine.loading = False
        self.loading = False
        return recovery

    async def run(self) -> None:
        """Write the file and expire keys, for ever. Raises OSError when the file cannot be written."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.file.run())
            tasks.create_task(self._expire())

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.engine.expire_due()
            self.file.append(self.engine.take_effects())

    # Commands

    def execute(self, connection: Connection, words: list[bytes], send: Callable[[bytes], None] | None) -> Any:
        """Run one request; its encoded reply goes to `send` once it may leave. Returns the engine's reply."""
        self.commands += 1
        refusal = self._refusal(words)
        if refusal is not None:
            reply: Any = refusal
            notice = None
        else:
            reply = connection.execute(words)
            notice = self._observe(words, reply) if self._observe is not None else None
        self.settle(reply, connection.protocol, send, notice)
        if self.engine._signalled:
            self.engine.serve_blocked()
        return reply

    def settle(self, reply: Any, protocol: int, send: Callable[[bytes], None] | None, notice: Any = None) -> None:
        """Log what the command changed and send its reply, now or when the file has come that far."""
        offset = self.file.append(self.engine.take_effects()) if self.engine.effects else self.file.end
        data = b"" if send is None or isinstance(reply, NoResponse) else encode_reply(reply, protocol)
        self.hold(offset, send, data, notice)

    def hold(self, offset: int, send: Callable[[bytes], None] | None, data: bytes, notice: Any = None) -> None:
        if offset <= self.file.released and not self._held:
            if notice is not None and self._announce is not None:
                self._announce(notice)
            if data and send is not None:
                send(data)
        elif data or notice is not None:
            self._held.append((offset, send, data, notice))

    def release(self) -> None:
        """The file has come further: send what waited for it, in order."""
        held = self._held
        while held and held[0][0] <= self.file.released:
            _, send, data, notice = held.popleft()
            if notice is not None and self._announce is not None:
                self._announce(notice)
            if data and send is not None:
                send(data)
        self.flush()

    def later(self, link: Link) -> None:
        self._unsent[link] = None

    def flush(self) -> None:
        """Write what has gathered for each client: one piece per client and turn."""
        unsent = self._unsent
        if unsent:
            self._unsent = {}
            for link in unsent:
                link.flush()

    async def call(self, connection: Connection, *words: bytes | str | int) -> Any:
        """A command from inside the process (a sweeper): its plain reply, once that may be seen. Raises SimpleError."""
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        done = asyncio.get_running_loop().create_future()
        reply = self.execute(connection, encoded, lambda data: done.set_result(None))
        self.flush()
        await done
        return plain(reply)

    def _refusal(self, words: list[bytes]) -> SimpleError | None:
        if self.loading:
            return None if words[0].lower() in _ALLOWED_WHILE_LOADING else LOADING
        if self.file.trouble is not None:
            name = words[0].lower()
            if name in _SCRIPTS or is_write_command(name):
                return SimpleError(f"MISCONF Writes are refused: {self.file.trouble}")
        return None


class Link(asyncio.Protocol):
    """One client's socket: cuts bytes into requests, keeps replies in order, closes on nonsense."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        limits = server.limits
        self.parser = RequestParser(bulk_bytes_max=limits.bulk_bytes_max, request_bytes_max=limits.request_bytes_max)
        self.transport: asyncio.Transport | None = None
        self.connection: Connection | None = None
        self.closing = False
        self._paused = False
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if len(self.server.links) >= self.server.limits.clients_max:
            transport.write(encode_error("ERR max number of clients reached"))
            transport.close()
            return
        loop = asyncio.get_running_loop()
        self.server.links[self] = None
        self.connection = Connection(self.server.engine, self._deliver, loop.call_later, on_kill=self._killed)

    def data_received(self, data: bytes) -> None:
        if not self.closing:
            self.parser.feed(data)
            self.proceed()
            self.server.flush()

    def proceed(self) -> None:
        """Run the requests that are whole, until one blocks, the reader is too slow, or the bytes make no sense."""
        connection = self.connection
        if connection is None:
            return
        try:
            while not self.closing and connection.wait is None and not self._paused:
                words = self.parser.take()
                if words is None:
                    return
                if words[0].lower() == b"quit":
                    self.server.settle(SimpleString(b"OK"), 2, self.send)
                    self._close_after_replies()
                    return
                self.server.execute(connection, words, self.send)
        except ProtocolError as error:
            self.server.protocol_errors += 1
            LOG.warning("protocol error from a client: %s", error)
            self.server.hold(self.server.file.end, self.send, encode_error(f"ERR Protocol error: {error}"))
            self._close_after_replies()

    def send(self, data: bytes) -> None:
        self._out.append(data)
        self.server.later(self)

    def flush(self) -> None:
        out, self._out = self._out, []
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        transport.write(b"".join(out))
        if transport.get_write_buffer_size() > self.server.limits.output_bytes_max:
            LOG.warning("a client does not read its replies: closed")
            transport.abort()

    def _deliver(self, value: Any, push: bool) -> None:
        connection = self.connection
        assert connection is not None
        server = self.server
        if push:
            server.hold(server.file.end, self.send, encode_push(value, connection.protocol))
        else:
            server.settle(value, connection.protocol, self.send)
            self.proceed()
        server.flush()

    def _close_after_replies(self) -> None:
        self.closing = True
        self.server.hold(self.server.file.end, lambda _: self._close(), b" ")

    def _close(self) -> None:
        self.flush()
        if self.transport is not None:
            self.transport.close()

    def _killed(self) -> None:
        self.closing = True
        self.server.hold(self.server.file.end, lambda _: self._close(), b" ")

    def pause_writing(self) -> None:
        self._paused = True
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self.transport is not None:
            self.transport.resume_reading()
        self.proceed()
        self.server.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self.transport = None
        self.server.links.pop(self, None)
        if self.connection is not None:
            self.connection.leave()
