"""redis.asyncio: commands, pipelines and scripts, against the task queue's server with its append-only file."""

import redis.asyncio as redis
from probe import Probe, exchanges

from simkit_nodes.blocks.redis_host.append_only_file import SyncPolicy
from simkit_nodes.blocks.redis_host.server import RedisServer


async def server(node):
    redis_server = RedisServer(
        disk=node.disk, wall_ns=node.clock.wall_ns, entropy=node.random, policy=SyncPolicy.ALWAYS
    )
    await redis_server.open()
    await redis_server.recover()
    await redis_server.run()


async def client(node):
    async with redis.Redis(host="server", decode_responses=True) as store:

        async def exchange(number):
            last, numbers = f"last:{number}", f"numbers:{number}"
            await store.rpush(numbers, number)
            async with store.pipeline(transaction=True) as pipeline:
                pipeline.set(last, number, ex=10)
                pipeline.get(last)
                pipeline.lrange(numbers, 0, -1)
                _, got, listed = await pipeline.execute()
            scripted = await store.eval("return redis.call('get', KEYS[1])", 1, last)
            _, popped = await store.blpop(numbers)
            assert [got] == listed == [scripted] == [popped], (got, listed, scripted, popped)
            return int(popped)

        await exchanges(node, exchange)


PROBE = Probe(
    "commands, transactions, blocking pops, scripts, connection pool; the server is ours, on fakeredis",
    server,
    client,
    ("redis", "fakeredis"),
)
