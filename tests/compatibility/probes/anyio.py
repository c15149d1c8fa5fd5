"""anyio on asyncio: listeners, streams, task groups, cancel scopes, object streams between tasks."""

from contextlib import suppress

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream
from probe import Probe, exchanges


async def server():
    async def answer(stream):
        async with stream:
            lines = BufferedByteReceiveStream(stream)
            while True:
                line = await lines.receive_until(b"\n", 100)
                await stream.send(line + b"\n")

    async def forgiving(stream):
        with suppress(anyio.IncompleteRead, anyio.BrokenResourceError):
            await answer(stream)

    listener = await anyio.create_tcp_listener(local_host="0.0.0.0", local_port=7000)
    await listener.serve(forgiving)


async def client(node):
    async def ask(results, number, delay):
        await anyio.sleep(delay)
        with anyio.fail_after(1.5):
            async with await anyio.connect_tcp("server", 7000) as stream:
                await stream.send(b"%d\n" % number)
                line = await BufferedByteReceiveStream(stream).receive_until(b"\n", 100)
                await results.send(int(line))

    async def exchange(number):
        """Ask twice, the second time a little later; the first answer counts and ends the other."""
        send, receive = anyio.create_memory_object_stream(2)
        async with send, receive, anyio.create_task_group() as group:
            group.start_soon(ask, send, number, 0)
            group.start_soon(ask, send, number, 0.02)
            answer = await receive.receive()
            group.cancel_scope.cancel()
        return answer

    await exchanges(node, exchange)


PROBE = Probe(
    "TCP streams, task groups, cancel scopes, deadlines, memory object streams",
    server,
    client,
    ("anyio",),
)
