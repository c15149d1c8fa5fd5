"""What streams do with bytes: order, integrity, back-pressure, half-close, bandwidth, contexts."""

import asyncio
import struct
from contextvars import ContextVar
from hashlib import sha256

import pytest

from simkit.kernel import Constant, Uniform
from simkit.network import Link, TcpParameters

MS = 10**6


def server(serve, port=80):
    """Return a program that serves every connection by a coroutine."""

    async def program(host):
        listener = await asyncio.start_server(serve, port=port)
        await listener.serve_forever()

    return program


async def echo(reader, writer):
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def forever(reader, writer):
    await asyncio.sleep(100_000)


def pattern(size):
    """Return bytes in which every place looks different."""
    return b"".join(struct.pack(">Q", i) for i in range(-(-size // 8)))[:size]


def test_half_close_lets_the_answer_come_back(site):
    async def answer_at_the_end(reader, writer):
        request = await reader.read()
        writer.write(request.upper())
        writer.close()

    async def ask(host):
        reader, writer = await asyncio.open_connection("b", 80)
        assert writer.can_write_eof()
        writer.write(b"to the ")
        writer.write(b"end")
        writer.write_eof()
        assert await reader.read() == b"TO THE END"
        writer.close()
        await writer.wait_closed()
        with pytest.raises(RuntimeError):
            writer.write(b"more")

    site.host("b", server(answer_at_the_end))
    client = site.host("a", ask)
    site.run(1)
    assert client.exit_code == 0


def test_ten_megabytes_arrive_in_order_and_whole_in_spite_of_loss_and_jitter(new_site):
    site = new_site(Link(one_way=Uniform(1 * MS, 5 * MS), loss=0.01))
    data = pattern(10_000_000)
    got = {}

    async def take(reader, writer):
        got["hash"] = sha256(await reader.read()).digest()
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        for start in range(0, len(data), 100_000):
            writer.write(data[start : start + 100_000])
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    site.host("b", server(take))
    site.host("a", give)
    site.run(60)
    assert got["hash"] == sha256(data).digest()
    assert any(record.detail[-1] == "lost" for record in site.records)


def test_small_writes_keep_their_order_under_heavy_loss(new_site):
    site = new_site(Link(one_way=Uniform(1 * MS, 50 * MS), loss=0.2))
    got = []

    async def take(reader, writer):
        while line := await reader.readline():
            got.append(int(line))
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        for number in range(300):
            writer.write(b"%d\n" % number)
            await asyncio.sleep(0.01)
        writer.close()

    site.host("b", server(take))
    site.host("a", give)
    site.run(600)
    assert got == list(range(300))


def test_a_partition_that_heals_delivers_everything(site):
    got = []

    async def take(reader, writer):
        while line := await reader.readline():
            got.append((int(line), site.ms))
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        for number in range(100):
            writer.write(b"%d\n" % number)
            await asyncio.sleep(0.1)
        writer.close()

    site.host("b", server(take))
    site.host("a", give)
    undo = []
    site.at(3, lambda: undo.append(site.network.cut([["a"], ["b"]])))
    site.at(5, lambda: undo.pop()())
    site.run(60)
    assert [number for number, _ in got] == list(range(100))
    assert not any(3_011 < ms < 5_000 for _, ms in got)
    assert any(5_000 < ms < 6_500 and number == 30 for number, ms in got)


def test_a_one_way_partition_lets_requests_through_and_no_answers(site):
    arrived, answered = [], []

    async def answer(reader, writer):
        while line := await reader.readline():
            arrived.append(site.ms)
            writer.write(line)
        writer.close()

    async def ask(host):
        reader, writer = await asyncio.open_connection("b", 80)
        await asyncio.sleep(1 - host.loop.time())
        writer.write(b"question\n")
        answered.append((await reader.readline(), site.ms))
        writer.close()

    site.host("b", server(answer))
    site.host("a", ask)
    undo = []
    site.at(0.5, lambda: undo.append(site.network.cut([["b"], ["a"]], one_way=True)))
    site.at(4, lambda: undo.pop()())
    site.run(20)
    assert arrived == [1_010]
    assert answered[0][0] == b"question\n"
    assert answered[0][1] > 4_000


def test_a_receiver_that_does_not_read_stops_the_sender(site):
    progress = []
    limit = TcpParameters()

    async def lazy(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(30)
        writer.transport.resume_reading()
        total = 0
        while data := await reader.read(65_536):
            total += len(data)
        progress.append(("read", total))
        writer.close()

    async def eager(host):
        _, writer = await asyncio.open_connection("b", 80)
        for number in range(50):
            writer.write(bytes(50_000))
            await writer.drain()
            progress.append((number, site.ms))
        writer.close()
        await writer.wait_closed()

    site.host("b", server(lazy))
    site.host("a", eager)
    site.run(20)
    written = (progress[-1][0] + 2) * 50_000  # what stands in `drain` is written too
    read_ahead = 3 * 50_000  # what the stream reader took before it was told not to
    assert limit.receive_buffer < written <= read_ahead + limit.receive_buffer + limit.send_buffer + 65_536 + 50_000
    site.run(60)
    assert progress[-1] == ("read", 2_500_000)


def test_the_machine_of_a_paused_process_takes_data_up_to_its_window(site):
    sizes = []

    async def take(reader, writer):
        while data := await reader.read(1 << 20):
            sizes.append((site.ms, len(data)))

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        await asyncio.sleep(1)
        writer.write(bytes(1_000_000))
        await asyncio.sleep(100)

    receiver = site.host("b", server(take))
    site.host("a", give)
    site.at(0.5, receiver.pause)
    site.at(50, receiver.resume)
    site.run(40)
    assert sizes == []
    assert sum(len(r.payload) for r in site.records) == TcpParameters().receive_buffer
    site.run(60)
    assert sum(size for _, size in sizes) == 1_000_000
    assert sizes[0][0] == 50_000


def test_a_paused_sender_sends_only_what_its_machine_has_taken_over(site):
    got = []

    async def take(reader, writer):
        while data := await reader.read(1 << 20):
            got.append(len(data))

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(bytes(1_000_000))
        await asyncio.sleep(100)

    site.host("b", server(take))
    sender = site.host("a", give)
    site.at(0.025, sender.pause)
    site.at(10, sender.resume)
    site.run(9)
    assert sum(got) == TcpParameters().send_buffer
    site.run(20)
    assert sum(got) == 1_000_000


def test_bandwidth_is_the_time_to_put_bits_on_the_wire(new_site):
    site = new_site(Link(one_way=Constant(10 * MS), bandwidth=8_000_000))
    outcome = {}

    async def take(reader, writer):
        await reader.read()
        outcome["ms"] = site.ms
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(bytes(1_000_000))
        writer.close()
        await writer.wait_closed()

    site.host("b", server(take))
    site.host("a", give)
    site.run(10)
    # One second for the bytes, 4.5 % more for their headers, 30 ms for the handshake and the last bit's way, and
    # 6 ms in which the wire is idle, as the first ten segments leave it before the first of them is acknowledged.
    assert outcome["ms"] == pytest.approx(1_000 * (1 + 66 / 1448) + 30 + 6, abs=2)


def test_what_overflows_the_queue_is_dropped_and_sent_again(new_site):
    site = new_site(Link(one_way=Constant(1 * MS), bandwidth=100_000_000, queue_limit=100_000))
    got = []

    async def take(reader, writer):
        got.append(await reader.read())
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(pattern(1_000_000))
        writer.close()
        await writer.wait_closed()

    site.host("b", server(take))
    site.host("a", give)
    site.run(60)
    assert got == [pattern(1_000_000)]
    assert any(record.detail[-1] == "overflowed" for record in site.records)


def test_what_is_written_is_copied(site):
    got = []

    async def take(reader, writer):
        got.append(await reader.readexactly(6))
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        lent = bytearray(b"abc")
        writer.write(lent)
        writer.write(memoryview(lent))
        lent[:] = b"xyz"
        with pytest.raises(TypeError):
            writer.write("text")
        await asyncio.sleep(1)
        writer.close()

    site.host("b", server(take))
    site.host("a", give)
    site.run(2)
    assert got == [b"abcabc"]


def test_callbacks_run_in_the_context_of_their_own_host(site):
    span = ContextVar("span", default="none")
    seen = []

    class Looks(asyncio.Protocol):
        def connection_made(self, transport):
            seen.append(span.get())

        def data_received(self, data):
            seen.append(span.get())

    async def serve(host):
        span.set("server")
        server = await asyncio.get_running_loop().create_server(Looks, port=80)
        await server.serve_forever()

    async def give(host):
        span.set("client")
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(b"x")
        await asyncio.sleep(1)
        writer.close()

    site.host("b", serve)
    site.host("a", give)
    site.run(2)
    assert seen == ["server", "server"]


def test_buffered_protocols_get_their_own_buffer_filled(site):
    got = bytearray()

    class Buffered(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer = bytearray(1_000)

        def get_buffer(self, sizehint):
            return self.buffer

        def buffer_updated(self, size):
            got.extend(self.buffer[:size])

        def eof_received(self):
            got.extend(b"!")

    async def serve(host):
        server = await asyncio.get_running_loop().create_server(Buffered, port=80)
        await server.serve_forever()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(pattern(5_500))
        writer.close()

    site.host("b", serve)
    site.host("a", give)
    site.run(2)
    assert got == pattern(5_500) + b"!"


def test_a_round_trip_on_a_stream_takes_four_events(site):
    counts = []

    async def ping(host):
        reader, writer = await asyncio.open_connection("b", 80)
        await asyncio.sleep(1)
        before = host.world.steps
        for _ in range(100):
            writer.write(b"x")
            await reader.read(1)
        counts.append(host.world.steps - before)
        writer.close()

    site.host("b", server(echo))
    site.host("a", ping)
    site.run(10)
    assert counts[0] <= 4 * 100 + 4  # two arrivals and two readers that wake; no event for acknowledgements
