"""What the tests of the Redis host stand on: a disk in memory, a clock set by hand, an engine without network.

Nothing here waits or writes; the simulated disk and network have their own tests and come in with the scenarios.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simkit.kernel import World
from simkit_nodes.blocks.redis_host import Engine, RedisServer, SyncPolicy
from simkit_nodes.blocks.redis_host.connection import Connection, plain


class Clock:
    """Unix time in nanoseconds, moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 1_767_225_600_000_000_000

    def wall_ns(self) -> int:
        return self.now_ns

    def pass_seconds(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class MemoryDisk:
    """Files as bytes. `syncs` counts; `failing` makes the next sync fail; `hold` keeps syncs from ending."""

    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("_", "."): bytearray(data) for name, data in files.items()}
        self.syncs = 0
        self.failing = False
        self.hold: asyncio.Event | None = None

    def exists(self, path: str) -> bool:
        return path in self.files

    def size(self, path: str) -> int:
        return len(self.files[path])

    async def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        end = None if size is None else offset + size
        return bytes(self.files[path][offset:end])

    async def append(self, path: str, data: bytes) -> int:
        file = self.files.setdefault(path, bytearray())
        file += data
        return len(file) - len(data)

    async def sync(self, path: str) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.failing:
            raise OSError(5, "Input/output error")
        self.syncs += 1

    async def truncate(self, path: str, size: int) -> None:
        del self.files[path][size:]

    async def sync_directory(self) -> None:
        pass


class Desk:
    """One client at one engine: commands in, plain replies out."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = Clock()
        self.engine = Engine(self.clock.wall_ns, World(seed).stream("engine"))
        self.client = Connection(self.engine)

    def __call__(self, *words: bytes | str | float) -> Any:
        return plain(self.client.execute([word if isinstance(word, bytes) else str(word).encode() for word in words]))

    def log(self) -> bytes:
        """What the commands since the last call put into the append-only file."""
        return self.engine.take_effects()


def contents(engine: Engine) -> dict[bytes, Any]:
    """Everything an engine holds, as values that compare equal when the data are equal."""
    held: dict[bytes, Any] = {}
    for number in sorted(engine.dbs):
        for key, item in engine.dbs[number]._dict.items():
            value = item.value
            if hasattr(value, "items"):
                value = sorted(value.items())
            elif hasattr(value, "_values"):
                value = sorted(value._values)
            held[b"%d:%s" % (number, key)] = (value if isinstance(value, bytes) else list(value), item.expireat)
    return held


@contextmanager
def serving(server: RedisServer) -> Iterator[asyncio.Task[None]]:
    """Keep the server's writer running in the background."""
    task = asyncio.get_running_loop().create_task(server.run())
    try:
        yield task
    finally:
        task.cancel()


def new_server(disk: MemoryDisk, clock: Clock | None = None, policy: SyncPolicy = SyncPolicy.ALWAYS) -> RedisServer:
    """A server on loopback, on a port of the machine's choosing."""
    clock = clock or Clock()
    return RedisServer(
        disk=disk, wall_ns=clock.wall_ns, entropy=World(1).stream("redis"), policy=policy, port=0, host="127.0.0.1"
    )
