"""The unmodified Redis client between simulated hosts, against a small server of its protocol."""

import asyncio

import pytest

redis = pytest.importorskip("redis.asyncio")


class Server:
    """Enough of RESP for a client to set, get and block."""

    def __init__(self):
        self.values = {}
        self.commands = []

    async def run(self, host):
        server = await asyncio.start_server(self.serve, port=6379)
        await server.serve_forever()

    async def serve(self, reader, writer):
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            writer.write(await self.answer(words))
            await writer.drain()
        writer.close()

    async def answer(self, words):
        name = words[0].upper()
        self.commands.append(name.decode())
        if name == b"HELLO":
            return b"%1\r\n$5\r\nproto\r\n:3\r\n"
        if name == b"PING":
            return b"+PONG\r\n"
        if name == b"GET":
            value = self.values.get(words[1])
            return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
        if name == b"SET":
            self.values[words[1]] = words[2]
        if name == b"BLPOP":
            await asyncio.sleep(float(words[-1]))
            return b"*-1\r\n"
        return b"+OK\r\n"


def test_commands_pipelines_and_a_blocking_pop(site):
    async def use(host):
        client = redis.Redis(host="b", socket_connect_timeout=1, health_check_interval=0)
        assert await client.ping()
        await client.set("key", b"x" * 100_000)
        assert await client.get("key") == b"x" * 100_000
        async with client.pipeline(transaction=False) as pipeline:
            for number in range(10):
                pipeline.set(f"k{number}", number)
                pipeline.get(f"k{number}")
            answers = await pipeline.execute()
        assert answers[1::2] == [b"%d" % number for number in range(10)]
        before = site.ms
        assert await client.blpop("list", timeout=3) is None
        assert site.ms == before + 3_020
        await client.aclose()

    server = Server()
    site.host("b", server.run)
    client = site.host("a", use)
    site.run(60)
    assert client.exit_code == 0
    assert "BLPOP" in server.commands


def test_the_client_sees_a_killed_server_and_finds_the_next_one(site):
    async def use(host):
        client = redis.Redis(host="b", socket_timeout=1, retry=None)
        await client.set("key", "value")
        await asyncio.sleep(1)
        site.hosts["b"].kill()
        await asyncio.sleep(1)
        with pytest.raises(redis.ConnectionError):
            await client.get("key")
        site.hosts["b"].boot()
        assert await client.get("key") == b"value"
        await client.aclose()

    server = Server()
    site.host("b", server.run)
    client = site.host("a", use)
    site.run(60)
    assert client.exit_code == 0


def test_the_client_times_out_in_a_partition(site):
    async def use(host):
        client = redis.Redis(host="b", socket_timeout=2, socket_connect_timeout=2, retry=None)
        await client.ping()
        site.network.cut([["a"], ["b"]])
        before = site.ms
        with pytest.raises(redis.TimeoutError):
            await client.ping()
        assert site.ms >= before + 2_000
        await client.aclose()

    site.host("b", Server().run)
    client = site.host("a", use)
    site.run(60)
    assert client.exit_code == 0
