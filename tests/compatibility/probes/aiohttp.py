"""aiohttp: requests on kept connections, a websocket, an answer in chunks."""

import aiohttp
from aiohttp import web
from probe import Probe, exchanges


def server():
    async def count(request):
        return web.json_response({"number": (await request.json())["number"]})

    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for part in range(5):
            await response.write(b"%d" % part * 10_000)
        return response

    async def echo(request):
        socket = web.WebSocketResponse(heartbeat=5)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.add_routes([web.post("/count", count), web.get("/stream", stream), web.get("/echo", echo)])
    return app


async def client(node):
    async with aiohttp.ClientSession("http://server:8080", timeout=aiohttp.ClientTimeout(5)) as session:

        async def exchange(number):
            if number % 3 == 0:
                async with session.ws_connect("/echo") as socket:
                    await socket.send_str(str(number))
                    return int(await socket.receive_str())
            if number % 3 == 1:
                async with session.get("/stream") as answer:
                    return number if len(await answer.read()) == 50_000 else None
            async with session.post("/count", json={"number": number}) as answer:
                return (await answer.json())["number"]

        await exchanges(node, exchange)


PROBE = Probe(
    "client with kept connections, server, websocket with heartbeat, chunked answers",
    server,
    client,
    ("aiohttp",),
)
