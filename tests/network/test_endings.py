"""Every way in which a stream ends: killed peers, machines without power, resets, time-outs, aborts."""

import asyncio
import errno
import struct
from socket import SO_LINGER, SOL_SOCKET

import pytest

from simkit.network import TcpParameters


def server(serve, port=80):
    """Return a program that serves every connection by a coroutine."""

    async def program(host):
        listener = await asyncio.start_server(serve, port=port)
        await listener.serve_forever()

    return program


async def forever(reader, writer):
    await asyncio.sleep(100_000)


def pattern(size):
    """Return bytes in which every place looks different."""
    return b"".join(struct.pack(">Q", i) for i in range(-(-size // 8)))[:size]


def test_a_sender_gives_up_after_about_fifteen_minutes_without_progress(site):
    outcome = {}

    async def give(host):
        reader, writer = await asyncio.open_connection("b", 80)
        await asyncio.sleep(1)
        writer.write(b"into the void")
        try:
            await reader.read()
        except OSError as error:
            outcome["errno"], outcome["s"] = error.errno, site.ms / 1000

    site.host("b", server(forever))
    site.host("a", give)
    site.at(0.5, lambda: site.network.cut([["a"], ["b"]]))
    site.run(2_000)
    assert outcome["errno"] == errno.ETIMEDOUT
    assert 900 < outcome["s"] < 960


def test_a_kill_with_unread_data_resets_the_peer(site):
    outcome = {}

    async def give(host):
        reader, writer = await asyncio.open_connection("b", 80)
        await asyncio.sleep(0.5)
        writer.write(b"unread")
        try:
            await reader.read()
        except ConnectionResetError:
            outcome["reset_ms"] = site.ms

    async def ignore(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(100)

    victim = site.host("b", server(ignore))
    site.host("a", give)
    site.at(1, victim.kill)
    site.run(2)
    assert outcome == {"reset_ms": 1_010}


def test_a_kill_without_unread_data_ends_the_stream_and_resets_what_comes_later(site):
    outcome = {}

    async def give(host):
        reader, writer = await asyncio.open_connection("b", 80)
        outcome["read"] = await reader.read()
        outcome["eof_ms"] = site.ms
        writer.write(b"still there?")
        await asyncio.sleep(1)
        try:
            writer.write(b"no")
            await writer.drain()
        except ConnectionResetError:
            outcome["reset"] = True

    victim = site.host("b", server(forever))
    site.host("a", give)
    site.at(1, victim.kill)
    site.run(3)
    assert outcome == {"read": b"", "eof_ms": 1_010, "reset": True}


def test_bytes_handed_to_the_machine_survive_a_kill(site):
    got = []

    async def take(reader, writer):
        got.append(await reader.read())
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(pattern(1_000_000))
        host.kill()

    site.host("b", server(take))
    site.host("a", give)
    site.run(10)
    assert got == [pattern(1_000_000)[: TcpParameters().send_buffer]]


def test_a_power_cut_is_silence_and_after_boot_a_stray_segment_is_reset(site):
    outcome = {}

    async def give(host):
        reader, writer = await asyncio.open_connection("b", 80)
        await asyncio.sleep(2)
        writer.write(b"anybody?")
        try:
            await reader.read()
        except ConnectionResetError:
            outcome["ms"] = site.ms

    victim = site.host("b", server(forever))
    site.host("a", give)
    site.at(1, victim.power_cut)
    site.at(4, victim.boot)
    site.run(3.9)
    assert outcome == {}
    assert site.hosts["a"].state == "up"
    site.run(10)
    # Sent at 2.02 s, repeated 0.22, 0.66, 1.54 and 3.3 s later: the last of these is the first to find power.
    assert outcome == {"ms": 5_340}


def test_a_power_cut_under_a_sender_that_waits_for_the_window_times_out(site):
    outcome = {}

    async def lazy(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(10_000)

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(bytes(2_000_000))
        try:
            await writer.drain()
        except OSError as error:
            outcome["errno"] = error.errno

    victim = site.host("b", server(lazy))
    site.host("a", give)
    site.at(10, victim.power_cut)
    site.run(2_000)
    assert outcome == {"errno": errno.ETIMEDOUT}


def test_data_that_arrived_before_a_reset_is_read_first(site):
    outcome = []

    async def give_and_reset(reader, writer):
        writer.write(b"last words")
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
        writer.close()

    async def take(host):
        reader, _ = await asyncio.open_connection("b", 80)
        outcome.append(await reader.readexactly(10))
        with pytest.raises(ConnectionResetError):
            await reader.read()

    site.host("b", server(give_and_reset))
    client = site.host("a", take)
    site.run(2)
    assert outcome == [b"last words"]
    assert client.exit_code == 0


def test_abort_forgets_what_the_process_buffers(site):
    got = []

    async def take(reader, writer):
        got.append(len(await reader.read()))
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(bytes(1_000_000))
        assert writer.transport.get_write_buffer_size() == 1_000_000 - TcpParameters().send_buffer
        writer.transport.abort()
        await asyncio.sleep(10)

    site.host("b", server(take))
    site.host("a", give)
    site.run(5)
    assert got == [TcpParameters().send_buffer]


def test_an_exception_of_a_protocol_ends_its_process(site):
    class Broken(asyncio.Protocol):
        def data_received(self, data):
            raise ZeroDivisionError

    async def serve(host):
        server = await asyncio.get_running_loop().create_server(Broken, port=80)
        await server.serve_forever()

    async def give(host):
        reader, writer = await asyncio.open_connection("b", 80)
        writer.write(b"x")
        await reader.read()
        writer.close()

    victim = site.host("b", serve)
    site.host("a", give)
    with pytest.raises(ZeroDivisionError):
        site.run(2)
    assert victim.exit_code == 1


@pytest.mark.parametrize("killed_at_s", [0.005, 0.015, 0.025, 0.035])
def test_a_process_killed_while_it_connects_leaves_nothing_behind(site, killed_at_s):
    ends = []

    async def serve(host):
        async def greet(reader, writer):
            try:
                ends.append(await reader.read())
            except ConnectionError as error:
                ends.append(type(error))
            writer.close()

        await (await asyncio.start_server(greet, port=80)).serve_forever()

    async def connect(host):
        _, writer = await asyncio.open_connection("server", 80)
        writer.write(b"hello")
        await asyncio.get_running_loop().create_future()

    server = site.host("server", serve)
    client = site.host("client", connect)
    site.at(killed_at_s, client.kill)
    site.run(200)
    assert len(server.loop.stack.halves) == len(client.loop.stack.halves) == 0
    assert len(ends) <= 1


@pytest.mark.parametrize("ending", ["kill", "power_cut"])
def test_everything_a_process_had_under_way_goes_without_a_word(site, ending, recwarn):
    told, loops, heard = [], [], []

    class Endpoint(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            heard.append((data, site.hosts["b"].incarnation))

        def connection_lost(self, error):
            told.append("endpoint")

    async def numbers():
        try:
            yield 1
            await asyncio.sleep(100)
        finally:
            told.append("generator")

    async def serve(reader, writer):
        try:
            await reader.read()
        finally:
            told.append("server")

    async def wait_in_an_executor(host):
        try:
            await asyncio.to_thread(int, 1)
        finally:
            told.append("executor")

    async def busy(host):
        loops.append(asyncio.get_running_loop())
        asyncio.get_running_loop().add_signal_handler(15, told.append, "signal")
        await asyncio.get_running_loop().create_datagram_endpoint(Endpoint, ("0.0.0.0", 53))
        await asyncio.start_server(serve, port=80)
        waiting = asyncio.create_task(wait_in_an_executor(host))
        try:
            async for _ in numbers():
                await asyncio.gather(asyncio.sleep(100), waiting)
        finally:
            told.append("main")

    async def peer(host):
        _, writer = await asyncio.open_connection("b", 80)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("b", 53)
        )
        for number in range(6):
            transport.sendto(b"%d" % number)
            await asyncio.sleep(1)
        transport.close()
        writer.transport.abort()

    machine = site.host("b", busy)
    machine.executor_cost_ns = 10**12
    machine.kill()
    machine.boot()
    site.host("a", peer)
    site.at(2.5, getattr(machine, ending))
    site.at(4.5, machine.boot)
    site.run(10)
    assert told == []
    assert heard == [(b"0", 2), (b"1", 2), (b"2", 2), (b"5", 3)]
    assert len(set(loops)) == 2
    site.world.close()
    assert told == []
    assert not recwarn.list
