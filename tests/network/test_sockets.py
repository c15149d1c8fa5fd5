"""Sockets that host code makes itself, as libraries do, and gives to the event loop or uses without waiting."""

import asyncio
import errno
import socket
import sys

import aiohttp
import pytest
from aiohttp import web

from simkit.kernel import RealWorldReached
from simkit.network import TcpParameters


def nonblocking(kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_INET, kind)
    made.setblocking(False)
    return made


async def echo(host):
    async def serve(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    await asyncio.start_server(serve, port=7)
    await asyncio.sleep(1_000)


def run(site, program, until_s=60):
    """Run a program on host a beside an echo server on host b; return a's host."""
    site.host("b", echo)
    host = site.host("a", program)
    site.run(until_s)
    assert host.exit_code == 0
    return host


def test_a_socket_is_real_only_outside_of_host_code(site):
    async def program(host):
        made = socket.socket()
        assert isinstance(made, socket.socket)
        assert made.fileno() >= 2**20
        assert (made.family, made.type, made.proto) == (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        assert made.getsockname() == ("0.0.0.0", 0)
        with pytest.raises(OSError, match="not connected"):
            made.getpeername()
        made.close()
        assert made.fileno() == -1
        with pytest.raises(OSError, match="Bad file descriptor"):
            made.listen()

    run(site, program)
    with socket.socket() as real:
        assert 0 <= real.fileno() < 2**20


def test_the_loop_connects_sends_and_receives_for_a_socket(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        made = nonblocking()
        await loop.sock_connect(made, ("b", 7))
        assert made.getpeername() == ("10.0.0.1", 7)
        sent = bytes(range(256)) * 8_000
        buffer = bytearray(1_000)

        async def receive():
            got = bytearray()
            while len(got) < len(sent):
                size = await loop.sock_recv_into(made, buffer)
                got += buffer[:size]
                got += await loop.sock_recv(made, 100_000) if len(got) < len(sent) else b""
            return bytes(got)

        async with asyncio.TaskGroup() as group:
            received = group.create_task(receive())
            group.create_task(loop.sock_sendall(made, sent))
        assert received.result() == sent
        made.shutdown(socket.SHUT_WR)
        assert await loop.sock_recv(made, 1) == b""
        made.close()

    run(site, program)


def test_a_connected_socket_becomes_a_connection_with_what_it_had_received(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        made = nonblocking()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(made, ("b", 7))
        made.send(b"before ")
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection(sock=made)
        assert writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert writer.get_extra_info("peername") == made.getpeername()
        writer.write(b"after")
        assert await reader.readexactly(12) == b"before after"
        writer.close()
        await writer.wait_closed()

    run(site, program)


def test_a_socket_can_listen_and_accept(site):
    heard = []

    async def serve(host):
        loop = asyncio.get_running_loop()
        listening = nonblocking()
        listening.bind(("", 80))
        with pytest.raises(OSError, match="in use"):
            nonblocking().bind(("10.0.0.1", 80))
        listening.listen()
        with pytest.raises(BlockingIOError):
            listening.accept()
        accepted, address = await loop.sock_accept(listening)
        heard.append((address, await loop.sock_recv(accepted, 100)))
        await loop.sock_sendall(accepted, b"yes")
        accepted.close()
        listening.close()
        nonblocking().bind(("", 80))

    async def ask(host):
        reader, writer = await asyncio.open_connection("s", 80)
        writer.write(b"well?")
        assert await reader.read() == b"yes"
        writer.close()

    server = site.host("s", serve)
    client = site.host("c", ask)
    site.run(10)
    assert (server.exit_code, client.exit_code) == (0, 0)
    assert heard == [(("10.0.0.2", 32_768), b"well?")]


@pytest.mark.parametrize("listens_first", [False, True])
def test_a_bound_socket_becomes_a_server(site, listens_first):
    async def serve(host):
        bound = nonblocking()
        bound.bind(("0.0.0.0", 0))
        port = bound.getsockname()[1]
        if listens_first:
            bound.listen(5)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), sock=bound)
        assert server.sockets[0].getsockname() == bound.getsockname() == ("0.0.0.0", port)
        reader, writer = await asyncio.open_connection(host.name, port)
        assert await reader.read() == b""
        writer.close()
        bound.close()
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host.name, port)

    server = site.host("s", serve)
    site.run(10)
    assert server.exit_code == 0


def test_a_backlog_counts_what_was_not_accepted(site):
    async def serve(host):
        listening = nonblocking()
        listening.bind(("", 80))
        listening.listen(1)
        await asyncio.sleep(1_000)

    async def ask(host):
        kept = [await asyncio.open_connection("s", 80) for _ in range(2)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.open_connection("s", 80)
        for _, writer in kept:
            writer.close()

    site.host("s", serve)
    client = site.host("c", ask)
    site.run(10)
    assert client.exit_code == 0


def test_a_refused_connection_is_told_in_all_ways(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        with pytest.raises(ConnectionRefusedError, match="Connect call failed"):
            await loop.sock_connect(nonblocking(), ("b", 8))
        made = nonblocking()
        assert made.connect_ex(("b", 8)) == errno.EINPROGRESS
        assert made.connect_ex(("b", 8)) == errno.EALREADY
        await asyncio.sleep(1)
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        with pytest.raises(OSError, match="Connect call failed"):
            await loop.create_connection(asyncio.Protocol, "b", 8)

    run(site, program)


def test_a_socket_that_cannot_send_waits_for_the_reader(new_site):
    site = new_site(tcp=TcpParameters(receive_buffer=5_000, send_buffer=5_000))
    taken = []

    async def serve(host):
        async def hold(reader, writer):
            await asyncio.sleep(5)
            taken.append(len(await reader.read()))
            writer.close()

        await asyncio.start_server(hold, port=80, limit=1_000)
        await asyncio.sleep(1_000)

    async def send(host):
        loop = asyncio.get_running_loop()
        made = nonblocking()
        await loop.sock_connect(made, ("s", 80))
        assert [made.send(bytes(3_000)) for _ in range(2)] == [3_000, 2_001]
        with pytest.raises(BlockingIOError):
            made.send(b"more")
        await loop.sock_sendall(made, bytes(50_000))
        assert site.ms > 5_000
        made.close()

    site.host("s", serve)
    client = site.host("c", send)
    site.run(60)
    assert client.exit_code == 0
    assert taken[0] > 50_000


def test_watchers_are_called_as_long_as_it_is_so(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        made, got, written = nonblocking(), [], asyncio.Event()
        made.connect_ex(("b", 7))
        loop.add_writer(made, written.set)
        await written.wait()
        assert loop.remove_writer(made.fileno())
        assert not loop.remove_writer(made)
        loop.add_reader(made.fileno(), lambda: got.append(made.recv(2)))
        made.send(b"abcdef")
        await asyncio.sleep(1)
        assert got == [b"ab", b"cd", b"ef"]
        assert loop.remove_reader(made)
        made.send(b"more")
        await asyncio.sleep(1)
        assert len(got) == 3
        assert made.recv(10) == b"more"
        made.close()

    run(site, program)


def test_udp_sockets_send_receive_and_hear_of_errors(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        one, other = nonblocking(socket.SOCK_DGRAM), nonblocking(socket.SOCK_DGRAM)
        one.bind(("", 53))
        await loop.sock_sendto(other, b"hello", ("localhost", 53))
        data, source = await loop.sock_recvfrom(one, 3)
        assert data == b"hel"
        assert one.sendto(b"back", source) == 4
        buffer = bytearray(10)
        assert await loop.sock_recvfrom_into(other, buffer) == (4, ("127.0.0.1", 53))
        with pytest.raises(BlockingIOError):
            other.recv(10)
        await loop.sock_connect(other, ("b", 9))
        other.send(b"?")
        await asyncio.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            other.send(b"?")
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=one)
        assert transport.get_extra_info("sockname") == ("0.0.0.0", 53)
        transport.close()
        with pytest.raises(OSError, match="no broadcast"):
            nonblocking(socket.SOCK_DGRAM).sendto(b"?", ("<broadcast>", 53))

    run(site, program)


def test_what_a_udp_socket_has_no_room_for_is_dropped(site):
    async def program(host):
        one, other = nonblocking(socket.SOCK_DGRAM), nonblocking(socket.SOCK_DGRAM)
        one.bind(("", 53))
        for _ in range(5):
            other.sendto(bytes(60_000), ("127.0.0.1", 53))
        await asyncio.sleep(1)
        kept = 0
        while True:
            try:
                kept += len(one.recv(65_536))
            except BlockingIOError:
                break
        assert kept == 180_000

    run(site, program)
    assert [detail[-1] for detail in site.told("message")] == ["delivered"] * 3 + ["overflowed"] * 2


def test_what_would_block_or_is_not_simulated_is_refused_with_the_line(site):
    finished = []

    async def program(host):
        here = f"on host 'a' at {__file__}:"
        blocking = socket.socket()
        with pytest.raises(RealWorldReached, match="would stop every host") as caught:
            blocking.connect(("b", 7))
        assert here in str(caught.value)
        with pytest.raises(RealWorldReached, match="would stop every host"):
            socket.create_connection(("b", 7))
        with pytest.raises(RealWorldReached, match="would be real"):
            socket.socketpair()
        with pytest.raises(RealWorldReached, match="file descriptor"):
            socket.socket(fileno=0)
        loop = asyncio.get_running_loop()
        with pytest.raises(RealWorldReached, match="is real"):
            loop.add_reader(0, print)
        for family in (socket.AF_INET6, socket.AF_UNIX):
            with pytest.raises(OSError, match="IPv4 only") as refused:
                socket.socket(family)
            assert refused.value.errno == errno.EAFNOSUPPORT
        with pytest.raises(PermissionError):
            socket.socket(socket.AF_INET, socket.SOCK_RAW)
        for call in (
            loop.create_unix_connection(asyncio.Protocol, "/tmp/x"),
            loop.create_unix_server(asyncio.Protocol, "/tmp/x"),
            loop.connect_read_pipe(asyncio.Protocol, sys.stdin),
            loop.connect_write_pipe(asyncio.Protocol, sys.stdout),
            asyncio.create_subprocess_exec("true"),
            asyncio.create_subprocess_shell("true"),
        ):
            with pytest.raises(NotImplementedError, match=r"host 'a' is simulated and has no .*test_sockets.py:\d+"):
                await call
        finished.append(True)

    # Swallowed or not, it ends the run.
    with pytest.raises(RealWorldReached, match="would stop every host"):
        run(site, program)
    assert finished


def test_happy_eyeballs_and_local_addresses_are_those_of_asyncio(site):
    async def program(host):
        site.network.names.publish("many", ["10.0.9.9", "b"])
        _, writer = await asyncio.open_connection("many", 7, happy_eyeballs_delay=0.25)
        assert writer.get_extra_info("peername") == ("10.0.0.1", 7)
        writer.close()
        _, writer = await asyncio.open_connection("b", 7, local_addr=("10.0.0.2", 1_234))
        assert writer.get_extra_info("sockname") == ("10.0.0.2", 1_234)
        writer.close()
        with pytest.raises(OSError, match="assign requested address"):
            await asyncio.open_connection("b", 7, local_addr=("10.0.0.1", 0))

    run(site, program)


def test_aiohttp_serves_and_asks_unmodified(site):
    async def serve(host):
        async def upper(request):
            return web.Response(body=(await request.read()).upper())

        application = web.Application(client_max_size=2**21)
        application.router.add_post("/", upper)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, port=80).start()
        await asyncio.sleep(1_000)

    async def ask(host):
        async with aiohttp.ClientSession() as session:
            for size in (0, 1, 1_000_000):
                async with session.post("http://s/", data=b"x" * size) as response:
                    assert await response.read() == b"X" * size
            site.hosts["s"].kill()
            for error in (aiohttp.ServerDisconnectedError, aiohttp.ClientConnectorError):
                with pytest.raises(error):  # the kept connection, then a new one
                    await session.post("http://s/", data=b"")

    site.host("s", serve)
    client = site.host("c", ask)
    site.run(10)
    assert client.exit_code == 0
