"""The server: an unmodified redis-py is at home, replies wait for the file, nonsense ends one connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ResponseError
from redis_hosts import Clock, MemoryDisk, contents, new_server

from simkit_nodes.blocks.redis_host import RedisServer, SyncPolicy, encode_command
from simkit_nodes.blocks.redis_host.connection import Connection
from simkit_nodes.blocks.redis_host.server import Limits


class Site:
    """A server on loopback, and clients of it."""

    def __init__(self, server: RedisServer, port: int) -> None:
        self.server = server
        self.port = port
        self.clients: list[Redis] = []

    def client(self, protocol: int = 2, **options: Any) -> Redis:
        client = Redis(host="127.0.0.1", port=self.port, protocol=protocol, retry=Retry(NoBackoff(), 0), **options)
        self.clients.append(client)
        return client

    async def raw(self, data: bytes) -> bytes:
        """Send bytes, return everything that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        try:
            async with asyncio.timeout(5):
                return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def site(
    disk: MemoryDisk | None = None, policy: SyncPolicy = SyncPolicy.ALWAYS, limits: Limits | None = None
) -> AsyncIterator[Site]:
    server = new_server(disk or MemoryDisk(), Clock(), policy)
    server.limits = limits or server.limits
    listener = await server.open()
    writer = None
    place = Site(server, listener.sockets[0].getsockname()[1])
    try:
        await server.recover()
        writer = asyncio.create_task(server.run())
        yield place
    finally:
        for client in place.clients:
            await client.aclose()
        if writer is not None:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        listener.close()
        await asyncio.sleep(0.01)


def run(story: Callable[[Site], Awaitable[None]], **options: Any) -> None:
    async def play() -> None:
        async with site(**options) as place:
            await story(place)

    asyncio.run(play())


@pytest.mark.parametrize("protocol", [2, 3])
def test_an_unmodified_client_is_at_home(protocol: int) -> None:
    async def story(place: Site) -> None:
        redis = place.client(protocol)
        assert await redis.set("a", "1", ex=100)
        assert await redis.get("a") == b"1"
        assert await redis.ttl("a") == 100
        assert await redis.hset("h", mapping={"x": "1", "y": "2"}) == 2
        assert await redis.hgetall("h") == {b"x": b"1", b"y": b"2"}
        await redis.zadd("z", {"m": 1.5, "n": 2})
        assert [list(pair) for pair in await redis.zrange("z", 0, -1, withscores=True)] == [[b"m", 1.5], [b"n", 2.0]]
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.incr("n").expire("n", 9).get("nothing")
            assert await pipeline.execute() == [1, True, None]
        assert await redis.register_script("return {KEYS[1], tonumber(ARGV[1]) + 1}")(["k"], [4]) == [b"k", 5]
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await redis.lpush("a", "x")

    run(story)


@pytest.mark.parametrize("protocol", [2, 3])
def test_messages_reach_a_subscriber(protocol: int) -> None:
    async def story(place: Site) -> None:
        listener = place.client(protocol).pubsub()
        await listener.subscribe("news")
        assert (await listener.get_message(timeout=5))["type"] == "subscribe"
        assert await place.client(protocol).publish("news", "hello") == 1
        assert (await listener.get_message(timeout=5))["data"] == b"hello"
        await listener.aclose()

    run(story)


def test_a_blocked_client_keeps_nobody_waiting_and_its_later_commands_come_in_order() -> None:
    async def story(place: Site) -> None:
        blocked, other = place.client(), place.client()
        waiting = asyncio.create_task(blocked.blpop(["q"], timeout=5))
        while not place.server.engine._waiting:
            await asyncio.sleep(0)
        assert await other.ping()
        await other.rpush("q", "x")
        assert await waiting == (b"q", b"x")

    run(story)


def test_requests_behind_a_blocking_one_wait_their_turn() -> None:
    async def story(place: Site) -> None:
        data = encode_command([b"BLPOP", b"q", b"0.05"]) + encode_command([b"PING"]) + encode_command([b"QUIT"])
        assert await place.raw(data) == b"$-1\r\n+PONG\r\n+OK\r\n"

    run(story)


def test_a_reply_leaves_only_after_the_sync_and_so_does_what_others_read() -> None:
    disk = MemoryDisk()

    async def story(place: Site) -> None:
        writer, reader = place.client(), place.client()
        assert await writer.ping()
        assert await reader.ping()
        disk.hold = asyncio.Event()
        setting = asyncio.create_task(writer.set("a", "1"))
        while not disk.files["appendonly.aof"]:
            await asyncio.sleep(0)
        reading = asyncio.create_task(reader.get("a"))
        await asyncio.sleep(0.05)
        assert not setting.done()
        assert not reading.done()
        disk.hold.set()
        assert await setting
        assert await reading == b"1"

    run(story, disk=disk)


def test_a_notice_is_announced_when_its_reply_may_leave() -> None:
    disk = MemoryDisk()
    told: list[str] = []

    async def story(place: Site) -> None:
        place.server._observe = lambda words, reply: words[1].decode() if words[0] == b"SET" else None
        place.server._announce = told.append
        disk.hold = asyncio.Event()
        connection = Connection(place.server.engine)
        call = asyncio.create_task(place.server.call(connection, "SET", "a", "1"))
        await asyncio.sleep(0.02)
        assert told == []
        disk.hold.set()
        assert await call == b"OK"
        assert told == ["a"]

    run(story, disk=disk)


def test_while_loading_clients_are_told_so() -> None:
    async def story(place: Site) -> None:
        place.server.loading = True
        with pytest.raises(BusyLoadingError):
            await place.client().get("a")

    run(story)


def test_what_was_acknowledged_is_there_after_a_restart() -> None:
    disk = MemoryDisk()

    async def fill(place: Site) -> None:
        redis = place.client()
        for number in range(50):
            await redis.rpush("q", number)
        await redis.eval("redis.call('HSET', 'h', 'now', redis.call('TIME')[1]) return redis.call('LPOP', 'q')", 0)
        disk.before = contents(place.server.engine)  # type: ignore[attr-defined]

    async def look(place: Site) -> None:
        assert contents(place.server.engine) == disk.before  # type: ignore[attr-defined]

    run(fill, disk=disk)
    run(look, disk=disk)


def test_a_disk_that_cannot_sync_ends_the_server_under_always() -> None:
    async def play() -> None:
        disk = MemoryDisk()
        server = new_server(disk)
        await server.recover()
        disk.failing = True
        running = asyncio.create_task(server.run())
        server.file.append(encode_command([b"SET", b"a", b"1"]))
        with pytest.raises(ExceptionGroup) as failure:
            await running
        assert failure.group_contains(OSError)

    asyncio.run(play())


def test_writes_are_refused_while_the_file_is_in_trouble() -> None:
    async def story(place: Site) -> None:
        redis = place.client()
        place.server.file.trouble = "the disk is on fire"
        with pytest.raises(ResponseError, match="MISCONF"):
            await redis.set("a", "1")
        with pytest.raises(ResponseError, match="MISCONF"):
            await redis.eval("return 1", 0)
        assert await redis.get("a") is None

    run(story, policy=SyncPolicy.EVERYSEC)


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"*1\r\n$abc\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$4\r\nPINGxx", b"-ERR Protocol error: bulk string is not followed by CRLF\r\n"),
        (b"*2\r\n$3\r\nGET\r\n$9999999\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*77777777777\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n!", b""),
        (encode_command([b"PING"]) + b"*1\r\n:1\r\n", b"+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"GET a b c\r\nQUIT\r\n", b"-ERR wrong number of arguments for 'get' command\r\n+OK\r\n"),
        (b"\x00\xff\xfe\r\nQUIT\r\n", b"-ERR unknown command"),
    ],
)
def test_nonsense_gets_an_error_and_a_closed_connection_and_the_server_lives_on(data: bytes, reply: bytes) -> None:
    async def story(place: Site) -> None:
        if data == b"*1\r\n!":  # half a frame: the server waits, the client gives up
            _, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(data)
            writer.close()
            await writer.wait_closed()
        else:
            assert (await place.raw(data)).startswith(reply)
        assert await place.client().ping()

    run(story, limits=Limits(bulk_bytes_max=1_000_000))


def test_one_client_can_end_another() -> None:
    async def story(place: Site) -> None:
        victim, other = place.client(), place.client()
        number = await victim.client_id()
        assert await other.client_kill_filter(_id=number) == 1
        await asyncio.sleep(0.02)
        assert await victim.client_id() > number, "it had to connect anew"
        assert len(place.server.links) <= 2

    run(story)


def test_there_are_only_so_many_clients() -> None:
    async def story(place: Site) -> None:
        assert await place.client().ping()
        assert await place.raw(b"PING\r\n") == b"-ERR max number of clients reached\r\n"

    run(story, limits=Limits(clients_max=1))


def test_a_pipeline_of_a_thousand_costs_few_syncs() -> None:
    disk = MemoryDisk()

    async def story(place: Site) -> None:
        before = disk.syncs
        async with place.client().pipeline(transaction=False) as pipeline:
            for number in range(1000):
                pipeline.set(f"k{number}", number)
            assert await pipeline.execute() == [True] * 1000
        assert disk.syncs - before < 50

    run(story, disk=disk)
