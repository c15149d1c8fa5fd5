"""nats-py: subscriptions, requests and connecting again, against a small server of the NATS protocol."""

import asyncio
import json

import nats
from probe import Probe, exchanges

INFO = {"server_id": "PROBE", "version": "2.10.0", "proto": 1, "headers": True, "max_payload": 1 << 20}


class Link:
    """One connection: what it subscribed to, and what it said last."""

    def __init__(self, writer):
        self.writer = writer
        self.subjects = {}

    async def serve(self, reader, links):
        while line := await reader.readline():
            word, *arguments = line.decode().split()
            if word == "PING":
                self.writer.write(b"PONG\r\n")
            elif word == "SUB":
                self.subjects[arguments[-1]] = arguments[0]
            elif word == "UNSUB":
                # A number after the identifier says after how many messages; the probe's requests ask for it at once.
                self.subjects.pop(arguments[0], None)
            elif word in ("PUB", "HPUB"):
                payload = await reader.readexactly(int(arguments[-1]) + 2)
                reply = arguments[1:-1] if word == "PUB" else arguments[1:-2]
                for link in links:
                    link.deliver(arguments[0], reply, payload)
            await self.writer.drain()

    def deliver(self, subject, reply, payload):
        for identifier, pattern in self.subjects.items():
            if matches(pattern, subject):
                head = " ".join(["MSG", subject, identifier, *reply, str(len(payload) - 2)])
                self.writer.write(head.encode() + b"\r\n" + payload)


def matches(pattern, subject):
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return given[: len(wanted) - 1] == wanted[:-1]
    return len(wanted) == len(given) and all(word in ("*", part) for word, part in zip(wanted, given, strict=True))


async def server():
    links = []

    async def serve(reader, writer):
        link = Link(writer)
        links.append(link)
        try:
            writer.write(b"INFO " + json.dumps(INFO).encode() + b"\r\n")
            await link.serve(reader, links)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            links.remove(link)
            writer.close()

    async with await asyncio.start_server(serve, port=4222) as listening:
        await listening.serve_forever()


async def connect():
    return await nats.connect(
        "nats://server:4222", max_reconnect_attempts=-1, reconnect_time_wait=0.5, connect_timeout=1, ping_interval=2
    )


async def answering(node):
    connection = await connect()

    async def answer(message):
        await message.respond(message.data)

    await connection.subscribe("numbers.*", cb=answer)
    await asyncio.get_running_loop().create_future()


async def client(node):
    connection = await connect()
    await asyncio.sleep(0.5)  # until the one that answers has subscribed

    async def exchange(number):
        message = await connection.request(f"numbers.{number}", b"%d" % number, timeout=1.5)
        return int(message.data)

    await exchanges(node, exchange)


PROBE = Probe(
    "publish, subscribe, request and reply, pings, connecting again; the server is the probe's own",
    server,
    client,
    ("nats-py",),
    hosts={"answering": answering},
)
