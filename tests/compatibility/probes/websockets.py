"""websockets: one kept connection with pings and compression, opened again whenever it breaks."""

import asyncio

from probe import Probe, exchanges
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def server():
    async with serve(echo, "0.0.0.0", 8765, ping_interval=2, ping_timeout=2) as listening:
        await listening.serve_forever()


async def client(node):
    waiting = {}
    connected = asyncio.Event()
    socket = None

    async def listen():
        nonlocal socket
        async for socket in connect("ws://server:8765", ping_interval=2, ping_timeout=2, open_timeout=2):
            connected.set()
            try:
                async for message in socket:
                    number = int(message.split()[0])
                    if number in waiting:
                        waiting.pop(number).set_result(number)
            except Exception as error:
                node.log.info("broken: %r", error)
            connected.clear()

    async def exchange(number):
        await connected.wait()
        waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await socket.send(f"{number} " + "." * 1000)
            return await waiting[number]
        finally:
            waiting.pop(number, None)

    async with asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        await exchanges(node, exchange)
        listening.cancel()


PROBE = Probe("client that connects again, server, pings, compression", server, client, ("websockets",))
