"""asyncio's datagram endpoints: questions that are asked again until an answer comes."""

import asyncio

from probe import Probe, exchanges


class Answering(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


class Asking(asyncio.DatagramProtocol):
    def __init__(self):
        self.waiting = {}

    def datagram_received(self, data, address):
        waiting = self.waiting.pop(data, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(data)


async def server():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Answering, local_addr=("0.0.0.0", 7000))
    await loop.create_future()


async def client(node):
    loop = asyncio.get_running_loop()
    transport, asking = await loop.create_datagram_endpoint(Asking, remote_addr=("server", 7000))

    async def exchange(number):
        data = b"%d" % number
        waiting = asking.waiting[data] = loop.create_future()
        while not waiting.done():
            transport.sendto(data)
            await asyncio.wait([waiting], timeout=0.5)
        return int(await waiting)

    await exchanges(node, exchange)


PROBE = Probe("`create_datagram_endpoint` of both ends, asking again", server, client)
