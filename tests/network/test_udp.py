"""UDP endpoints of asyncio."""

import asyncio
import errno

import pytest


class Inbox(asyncio.DatagramProtocol):
    """Keeps what arrives; answers if told to."""

    def __init__(self, answer=False):
        self.answer = answer
        self.got = []
        self.errors = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        self.got.append((data, source))
        if self.answer:
            self.transport.sendto(data.upper(), source)

    def error_received(self, error):
        self.errors.append(error.errno)


async def serve(host):
    await host.loop.create_datagram_endpoint(lambda: Inbox(answer=True), ("0.0.0.0", 53))
    await asyncio.sleep(1_000)


def run(site, program, until_s=10):
    site.host("b", serve)
    client = site.host("a", program)
    site.run(until_s)
    assert client.exit_code == 0


def test_packets_go_and_come_back(site):
    async def ask(host):
        transport, inbox = await host.loop.create_datagram_endpoint(Inbox, ("0.0.0.0", 0))
        lent = bytearray(b"hello")
        transport.sendto(lent, ("b", 53))
        lent[:] = b"other"
        transport.sendto(b"x", ("10.99.0.1", 53))
        await asyncio.sleep(1)
        assert inbox.got == [(b"HELLO", ("10.0.0.1", 53))]
        assert inbox.errors == [errno.EHOSTUNREACH]
        assert transport.get_extra_info("sockname") == ("0.0.0.0", 32_768)
        transport.close()

    run(site, ask)
    assert [detail[-1] for detail in site.told("message")] == ["delivered", "delivered"]


def test_only_a_connected_endpoint_hears_of_refusal_and_unreachable_hosts(site):
    async def ask(host):
        connected, inbox = await host.loop.create_datagram_endpoint(Inbox, remote_addr=("b", 54))
        unconnected, other = await host.loop.create_datagram_endpoint(Inbox, ("0.0.0.0", 1_000))
        connected.sendto(b"x")
        unconnected.sendto(b"x", ("b", 54))
        await asyncio.sleep(1)
        site.network.cut([["a"], ["b"]], reject=True)
        connected.sendto(b"x")
        connected.sendto(bytes(70_000))
        await asyncio.sleep(1)
        assert inbox.errors == [errno.ECONNREFUSED, errno.EMSGSIZE, errno.EHOSTUNREACH]
        assert other.errors == []
        with pytest.raises(OSError, match="in use"):
            await host.loop.create_datagram_endpoint(Inbox, ("0.0.0.0", 1_000))
        with pytest.raises(ValueError, match="Invalid address"):
            connected.sendto(b"x", ("b", 55))
        connected.abort()
        assert connected.is_closing()

    run(site, ask)
