"""How connections come to stand, or not, and how long each answer takes."""

import asyncio
import errno
import socket

import pytest


async def listen(host):
    host.accepted_ms = []

    async def serve(reader, writer):
        host.accepted_ms.append(host.world.now_ns / 10**6)
        await reader.read()

    server = await asyncio.start_server(serve, port=80)
    await server.serve_forever()


def connecting(outcome, host="b", port=80, after=0.0):
    """Return a program that connects once and notes when it heard what."""

    async def program(machine):
        await asyncio.sleep(after)
        try:
            outcome["reader"], outcome["writer"] = await asyncio.open_connection(host, port)
        except OSError as error:
            outcome["error"] = error
        outcome["ms"] = machine.world.now_ns / 10**6
        await asyncio.sleep(10_000)

    return program


def test_a_handshake_takes_one_round_trip_and_the_server_half_more(site):
    outcome = {}
    server = site.host("b", listen)
    site.host("a", connecting(outcome))
    site.run(1)
    assert outcome["ms"] == 20
    assert server.accepted_ms == [30]
    assert outcome["writer"].get_extra_info("peername") == ("10.0.0.1", 80)


def test_the_socket_looks_real(site):
    outcome = {}
    site.host("b", listen)
    site.host("a", connecting(outcome))
    site.run(1)
    view = outcome["writer"].get_extra_info("socket")
    view.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert view.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert (view.family, view.type, view.proto) == (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    assert view.getsockname() == outcome["writer"].get_extra_info("sockname") == ("10.0.0.2", 32768)
    assert view.getpeername() == ("10.0.0.1", 80)
    assert view.fileno() == -1


def test_a_port_where_nobody_listens_refuses_after_a_round_trip(site):
    outcome = {}
    site.host("b")
    site.host("a", connecting(outcome))
    site.run(1)
    assert isinstance(outcome["error"], ConnectionRefusedError)
    assert outcome["ms"] == 20
    assert site.told() == [(0, "refuse")]


def test_a_killed_process_leaves_a_machine_that_refuses(site):
    outcome = {}
    server = site.host("b", listen)
    site.host("a", connecting(outcome, after=1.0))
    site.at(0.5, server.kill)
    site.run(2)
    assert isinstance(outcome["error"], ConnectionRefusedError)


def test_an_unknown_name_is_a_name_error(site):
    outcome = {}
    site.host("a", connecting(outcome, host="nobody"))
    site.run(1)
    assert isinstance(outcome["error"], socket.gaierror)
    assert outcome["error"].errno == socket.EAI_NONAME


def test_an_address_of_no_host_is_unreachable(site):
    outcome = {}
    site.host("a", connecting(outcome, host="10.200.0.1"))
    site.run(1)
    assert outcome["error"].errno == errno.EHOSTUNREACH


def test_syns_into_a_partition_time_out_after_127_seconds(site):
    outcome = {}
    site.host("b", listen)
    site.host("a", connecting(outcome))
    site.network.cut([["a"], ["b"]])
    site.run(200)
    assert outcome["error"].errno == errno.ETIMEDOUT
    assert outcome["ms"] == 127_000
    blocked = [record.time_ns // 10**9 for record in site.records if record.detail[3:] == ("syn blocked",)]
    assert blocked == [0, 1, 3, 7, 15, 31, 63]


def test_a_connection_stands_with_the_first_syn_after_the_partition_heals(site):
    outcome = {}
    site.host("b", listen)
    site.host("a", connecting(outcome))
    site.at(5, site.network.cut([["a"], ["b"]]))
    site.run(20)
    assert outcome["ms"] == 7_020


def test_a_machine_without_power_does_not_answer_at_all(site):
    outcome = {}
    server = site.host("b", listen)
    site.host("a", connecting(outcome, after=1))
    site.at(0.5, server.power_cut)
    site.run(200)
    assert outcome["error"].errno == errno.ETIMEDOUT
    assert outcome["ms"] == 128_000


def test_a_rejecting_partition_is_unreachable_at_once(site):
    outcome = {}
    site.host("b", listen)
    site.host("a", connecting(outcome))
    site.network.cut([["a"], ["b"]], reject=True)
    site.run(1)
    assert outcome["error"].errno == errno.EHOSTUNREACH
    assert outcome["ms"] == 10


def test_a_lost_syn_ack_costs_a_second(site):
    outcome = {}
    site.host("b", listen)
    site.host("a", connecting(outcome))
    site.at(0.5, site.network.cut(pairs=[("b", "a")], one_way=True))
    site.run(3)
    assert outcome["ms"] == 1_020


def test_a_cancelled_attempt_is_forgotten(site):
    async def impatient(host):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.open_connection("b", 80)

    site.host("b", listen)
    client = site.host("a", impatient)
    site.network.cut([["a"], ["b"]])
    site.run(60)
    assert client.state == "down"
    assert client.exit_code == 0
    assert max(record.time_ns for record in site.records) == 10**9


def test_a_paused_process_gets_connections_up_to_its_backlog(site):
    outcomes = [{} for _ in range(4)]
    server = site.host("b")
    site.run(0)
    accepted = []

    async def small(host):
        async def serve(reader, writer):
            accepted.append(site.ms)
            writer.close()

        await asyncio.start_server(serve, port=80, backlog=1)
        await asyncio.sleep(100)

    server.kill()
    server.program = small
    server.boot()
    for number, outcome in enumerate(outcomes):
        site.host(f"a{number}", connecting(outcome, after=1 + number / 10))
    site.at(0.5, server.pause)
    site.at(2.5, server.resume)
    site.run(10)
    # Two wait in the backlog of one, as on Linux; the others' SYNs are dropped and sent again.
    assert [outcome["ms"] for outcome in outcomes] == [1_020, 1_120, 4_220, 4_320]
    assert accepted[:2] == [2_500, 2_500]


def test_a_host_reaches_itself_by_loopback(site):
    async def both(host):
        async def serve(reader, writer):
            writer.write(await reader.readline())
            writer.close()

        await asyncio.start_server(serve, "localhost", 80)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(b"me\n")
        assert await reader.readline() == b"me\n"
        assert writer.get_extra_info("peername") == ("127.0.0.1", 80)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host.name, 80)
        writer.close()

    host = site.host("a", both)
    site.run(1)
    assert host.exit_code == 0


def test_ports_are_given_out_once(site):
    async def program(host):
        first = await asyncio.start_server(print, port=0)
        second = await asyncio.start_server(print, port=0)
        ports = [server.sockets[0].getsockname()[1] for server in (first, second)]
        assert ports == [32_768, 32_769]
        with pytest.raises(OSError, match="already in use") as caught:
            await asyncio.start_server(print, port=32_768)
        assert caught.value.errno == errno.EADDRINUSE
        first.close()
        await asyncio.start_server(print, port=32_768)

    host = site.host("a", program)
    site.run(1)
    assert host.exit_code == 0


def test_a_server_object_is_that_of_asyncio(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "0.0.0.0", 80, start_serving=False)
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 80)
        async with server:
            forever = asyncio.create_task(server.serve_forever())
            await asyncio.sleep(0)
            assert server.is_serving()
            _, writer = await asyncio.open_connection("127.0.0.1", 80)
            writer.close()
            await asyncio.sleep(1)
        assert server.sockets == ()
        with pytest.raises(asyncio.CancelledError):
            await forever
        await server.wait_closed()

    host = site.host("a", program)
    site.run(5)
    assert host.exit_code == 0


def test_names_and_addresses_resolve(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("B", 80, type=socket.SOCK_STREAM)
        assert found == [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("10.0.0.1", 80))]
        assert (await loop.getaddrinfo("10.0.0.1", "81"))[1][1:3] == (socket.SOCK_DGRAM, socket.IPPROTO_UDP)
        assert (await loop.getaddrinfo(None, 0))[0][4] == ("127.0.0.1", 0)
        assert await loop.getnameinfo(("10.0.0.1", 80)) == ("b", "80")
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("b", 80, family=socket.AF_INET6)

    site.host("b")
    host = site.host("a", program)
    site.run(1)
    assert host.exit_code == 0


def test_a_refused_connection_is_not_told_as_a_consequence_of_something_else(site):
    outcome = {}
    site.host("a", connecting(outcome))
    site.host("b")
    site.run(1)
    assert isinstance(outcome["error"], ConnectionRefusedError)
    assert outcome["error"].__context__ is None
