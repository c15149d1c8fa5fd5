"""dnspython's async resolver: names over UDP and TCP, from a name server made of its own messages."""

import asyncio
import socket

import dns.asyncresolver
import dns.message
import dns.rrset
from probe import Probe, exchanges


def answer(query, *, short):
    """Answer a name such as n7.example with an address that ends in 7; over UDP every third answer is cut off."""
    response = dns.message.make_response(query)
    name = query.question[0].name
    number = int(name.labels[0][1:])
    if short and number % 3 == 0:
        response.flags |= dns.flags.TC
    else:
        response.answer.append(dns.rrset.from_text(name, 5, "IN", "A", f"10.9.0.{number}"))
    return response.to_wire()


class Answering(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(answer(dns.message.from_wire(data), short=True), address)


async def answer_stream(reader, writer):
    try:
        size = int.from_bytes(await reader.readexactly(2))
        reply = answer(dns.message.from_wire(await reader.readexactly(size)), short=False)
        writer.write(len(reply).to_bytes(2) + reply)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def server():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Answering, local_addr=("0.0.0.0", 53))
    async with await asyncio.start_server(answer_stream, port=53) as listening:
        await listening.serve_forever()


async def client(node):
    loop = asyncio.get_running_loop()
    resolver = dns.asyncresolver.Resolver(configure=False)
    found = await loop.getaddrinfo("server", 53, family=socket.AF_INET)
    resolver.nameservers = [found[0][4][0]]
    resolver.timeout, resolver.lifetime = 0.5, 1.8

    async def exchange(number):
        resolved = await resolver.resolve(f"n{number}.example.", "A")
        return int(resolved[0].address.rpartition(".")[2])

    await exchanges(node, exchange)


PROBE = Probe("async resolver over UDP, asking again, falling back to TCP", server, client, ("dnspython",))
