"""The two ends of the connection, as plain asyncio code."""

import asyncio

from benchmarks.stream_bytes import Transfer

PORT = 9000
READ_BYTES = 1 << 18


async def serve(port: int, address: str, received: list[int]) -> asyncio.Server:
    """Listen, and count what the first connection brings."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = 0
        while data := await reader.read(READ_BYTES):
            count += len(data)
        received.append(count)
        writer.close()

    return await asyncio.start_server(connected, address, port)


async def send(given: Transfer, address: str, port: int) -> None:
    """Connect, send everything, and wait until the other end has closed."""
    reader, writer = await asyncio.open_connection(address, port)
    for _ in range(given.size // len(given.piece)):
        writer.write(given.piece)
        await writer.drain()
    writer.write_eof()
    await reader.read()
    writer.close()
