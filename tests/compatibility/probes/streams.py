"""asyncio's streams: a server that answers lines."""

import asyncio

from probe import Probe, exchanges


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(b"%d %s" % (len(line), line) + b"." * 100_000 + b"\n")
        await writer.drain()
    writer.close()


async def server():
    async with await asyncio.start_server(answer, port=7000) as listening:
        await listening.serve_forever()


async def client(node):
    async def exchange(number):
        reader, writer = await asyncio.open_connection("server", 7000, limit=200_000)
        try:
            writer.write(b"%d\n" % number)
            line = await reader.readline()
            return int(line.split()[1])
        finally:
            writer.close()
            await writer.wait_closed()

    await exchanges(node, exchange)


PROBE = Probe("`start_server`, `open_connection`, back-pressure", server, client)
