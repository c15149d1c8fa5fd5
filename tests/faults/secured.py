"""A system for tests: a server that speaks TLS, and clients that connect to it once a second.

It deliberately issues its certificates anew in each process: what they say is tested, not their bytes.
"""

import asyncio
import ssl

import trustme

from simkit.card import Card, Role
from simkit.checks import Check, Step, sees
from simkit.node import Event, Node

AUTHORITY = trustme.CA(key_type=trustme.KeyType.ECDSA)


def server_context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


def client_context(*, checks: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if not checks:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


SERVER, CLIENT = server_context("server"), client_context()


class Answered(Event, tag="connection.answered"):
    """A client was answered."""


class Refused(Event, tag="connection.refused"):
    """A client did not trust the server, or did not reach it."""

    why: str


class Server(Node):
    async def run(self) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(100))
            writer.close()

        await (await asyncio.start_server(echo, port=443, ssl=SERVER)).serve_forever()


class Client(Node):
    async def run(self) -> None:
        while True:
            await asyncio.sleep(1)
            try:
                reader, writer = await asyncio.open_connection("server", 443, ssl=CLIENT)
                writer.write(b"hello")
                assert await reader.read() == b"hello"
                writer.close()
                self.emit(Answered())
            except ssl.SSLCertVerificationError as error:
                self.emit(Refused(error.verify_message))


class NobodyRefused(Check):
    """Every client trusts the server."""

    name = "nobody_refused"

    @sees(Refused)
    def _refused(self, time_ns: int, host: str, event: Refused) -> None:
        self.violated(time_ns, host, event.why, Step(time_ns, host, event.why))


card = Card(
    name="secured",
    title="A server that speaks TLS",
    roles={"server": Role(Server, "echoes"), "client": Role(Client, "connects once a second")},
    events=(Answered, Refused),
    checks={"nobody_refused": NobodyRefused},
)
