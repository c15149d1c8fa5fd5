"""The server and the client, as anybody writes them with aiohttp."""

from aiohttp import ClientSession, web

from benchmarks.http import Requests

PORT = 8080


async def serve(port: int, address: str) -> web.AppRunner:
    """Serve a document for each number."""

    async def document(request: web.Request) -> web.Response:
        return web.json_response({"number": int(request.match_info["number"]), "text": "twenty characters ..."})

    app = web.Application()
    app.router.add_get("/documents/{number}", document)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()
    return runner


async def ask(given: Requests, url: str, answered: list[int]) -> None:
    """Ask for one document after another; tell how many came."""
    async with ClientSession() as session:
        for number in range(given.count):
            async with session.get(f"{url}/documents/{number}") as response:
                document = await response.json()
            if document["number"] != number:
                raise RuntimeError(f"asked for {number}, got {document}")
    answered.append(given.count)
