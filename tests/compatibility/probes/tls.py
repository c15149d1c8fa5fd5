"""asyncio over TLS: streams that begin with it, and streams that change over to it."""

import asyncio

from certificate import client_context, server_context
from probe import Probe, exchanges

SERVER, CLIENT = server_context(), client_context()


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        if line == b"STARTTLS\n":
            await writer.drain()
            await writer.start_tls(SERVER)
    writer.close()


async def server():
    async with (
        await asyncio.start_server(answer, port=7001, ssl=SERVER) as begun,
        await asyncio.start_server(answer, port=7002) as changed,
    ):
        await asyncio.gather(begun.serve_forever(), changed.serve_forever())


async def client(node):
    async def exchange(number):
        if number % 2:
            reader, writer = await asyncio.open_connection("server", 7001, ssl=CLIENT)
        else:
            reader, writer = await asyncio.open_connection("server", 7002)
        try:
            if not number % 2:
                writer.write(b"STARTTLS\n")
                await reader.readline()
                await writer.start_tls(CLIENT, server_hostname="server")
            writer.write(b"%d\n" % number)
            return int(await reader.readline())
        finally:
            writer.close()

    await exchanges(node, exchange)


PROBE = Probe("`ssl=`, `start_tls`, certificates checked by the host's clock", server, client, needs="fence")
