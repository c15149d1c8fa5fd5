"""Names: what the service knows, what machines keep, and what goes wrong with it."""

import asyncio
import socket

import pytest

from simkit.kernel import Constant
from simkit.network import Answering, Failing, Silent, Slow

SECOND = 10**9


def run(site, program, until_s=600):
    """Run a program on host a, beside host b."""
    site.host("b")
    host = site.host("a", program)
    site.run(until_s)
    assert host.exit_code == 0


async def addresses(name, **options):
    """Return the addresses of a name, and the error if there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, 80, type=socket.SOCK_STREAM, **options)
    except socket.gaierror as error:
        return error.errno
    return [info[4][0] for info in found]


def test_published_names_mean_hosts_names_and_addresses_in_order(site):
    async def program(host):
        names = site.network.names
        names.publish("api.example", ["b", "10.0.7.7"])
        names.publish("www.example", ["api.example.", "a"], ttl_s=5)
        assert await addresses("WWW.example.") == ["10.0.0.1", "10.0.7.7", "10.0.0.2"]
        names.publish("loop", ["loop"])
        assert await addresses("loop") == socket.EAI_NONAME
        with pytest.raises(ValueError, match="needs letters"):
            names.publish("x", [])
        with pytest.raises(KeyError):
            names.withdraw("x")

    run(site, program)


def test_services_families_and_kinds_are_those_of_the_c_library(site):
    async def program(host):
        loop = asyncio.get_running_loop()
        assert (await loop.getaddrinfo("b", "https"))[0][4] == ("10.0.0.1", 443)
        assert (await loop.getaddrinfo("b", b"81", flags=socket.AI_CANONNAME))[0][3] == "b"
        assert await loop.getnameinfo(("10.0.0.1", 80), socket.NI_NUMERICHOST) == ("10.0.0.1", "80")
        assert await loop.getnameinfo(("10.0.0.99", 80)) == ("10.0.0.99", "80")
        for wrong in (
            loop.getaddrinfo("b", "gopher"),
            loop.getaddrinfo("b", 80, family=socket.AF_INET6),
            loop.getaddrinfo("b", 80, type=socket.SOCK_RAW),
            loop.getaddrinfo("b", 80, flags=socket.AI_NUMERICHOST),
            loop.getnameinfo(("10.0.0.99", 80), socket.NI_NAMEREQD),
        ):
            with pytest.raises(socket.gaierror):
                await wrong

    run(site, program)


def test_the_module_socket_answers_in_host_code_without_waiting(site):
    async def program(host):
        site.network.names.publish("api", ["b", "a"])
        assert socket.gethostname() == "a"
        assert socket.gethostbyname("api") == "10.0.0.1"
        assert socket.gethostbyname_ex("api") == ("api", [], ["10.0.0.1", "10.0.0.2"])
        assert socket.gethostbyaddr("10.0.0.1")[0] == "b"
        assert socket.getfqdn("10.0.0.1") == "b"
        assert socket.getaddrinfo("api", 80)[0][4] == ("10.0.0.1", 80)
        assert socket.getnameinfo(("10.0.0.1", 80), 0) == ("b", "80")
        with pytest.raises(socket.gaierror):
            socket.gethostbyname("nobody")
        with pytest.raises(socket.herror):
            socket.gethostbyaddr("10.0.0.99")
        site.network.names.lay(Silent())
        with pytest.raises(socket.gaierror, match="Temporary failure"):
            socket.gethostbyname("other")

    run(site, program)
    assert socket.gethostbyname("localhost") == "127.0.0.1"


def test_an_answer_is_kept_for_its_time_to_live(site):
    async def program(host):
        names = site.network.names
        names.latency = Constant(20_000_000)
        names.publish("api", ["b"], ttl_s=10)
        assert await addresses("api") == ["10.0.0.1"]
        assert site.ms == 20
        names.publish("api", ["a"], ttl_s=10)
        await asyncio.sleep(9.9)
        assert await addresses("api") == ["10.0.0.1"]
        assert site.ms == 9_920
        await asyncio.sleep(0.1)
        assert await addresses("api") == ["10.0.0.2"]
        assert site.ms == 10_040

    run(site, program)


def test_that_a_name_does_not_exist_is_kept_too(site):
    async def program(host):
        assert await addresses("late") == socket.EAI_NONAME
        site.network.names.publish("late", ["b"])
        await asyncio.sleep(29)
        assert await addresses("late") == socket.EAI_NONAME
        await asyncio.sleep(1)
        assert await addresses("late") == ["10.0.0.1"]

    run(site, program)


def test_what_a_machine_learned_outlives_the_process_and_not_the_power(site):
    found = []

    async def program(host):
        found.append(await addresses("api"))
        await asyncio.sleep(1_000)

    site.network.names.publish("api", ["b"])
    site.host("b")
    host = site.host("a", program)
    site.at(1, site.network.names.publish, "api", ["a"])
    site.at(2, host.kill)
    site.at(3, host.boot)
    site.at(4, host.power_cut)
    site.at(5, host.boot)
    site.run(10)
    assert found == [["10.0.0.1"], ["10.0.0.1"], ["10.0.0.2"]]


def test_a_silent_service_is_given_up_after_two_tries(site):
    async def program(host):
        undo = site.network.names.lay(Silent())
        assert await addresses("b") == socket.EAI_AGAIN
        assert site.ms == 10_000
        assert await addresses("10.0.0.1") == ["10.0.0.1"]
        assert await addresses("localhost") == ["127.0.0.1"]
        assert await addresses(host.name) == ["10.0.0.2"]
        waiting = asyncio.create_task(addresses("b"))
        await asyncio.sleep(1)
        undo()
        assert await waiting == ["10.0.0.1"]
        assert site.ms == 15_000

    run(site, program)


def test_conditions_cover_names_and_askers_and_are_undone_alone(site):
    async def program(host):
        names = site.network.names
        wrong = names.lay(Answering(frozenset({"b"}), addresses=("10.0.6.6",), ttl_ns=0))
        absent = names.lay(Answering(frozenset({"b"}), ttl_ns=0))
        names.lay(Silent(askers=frozenset({"somebody", "else"})))
        assert await addresses("b") == socket.EAI_NONAME
        absent()
        assert await addresses("b") == ["10.0.6.6"]
        failing = names.lay(Failing())
        assert await addresses("b") == socket.EAI_AGAIN
        wrong()
        failing()
        failing()
        assert await addresses("b") == ["10.0.0.1"]

    run(site, program)


@pytest.mark.parametrize(("extra_s", "outcome", "ms"), [(2, ["10.0.0.1"], 2_000), (6, socket.EAI_AGAIN, 10_000)])
def test_a_slow_answer_is_waited_for_up_to_the_time_out(site, extra_s, outcome, ms):
    async def program(host):
        site.network.names.lay(Slow(extra=Constant(extra_s * SECOND)))
        assert await addresses("b") == outcome
        assert site.ms == ms

    run(site, program)


def test_connecting_waits_for_the_name(site):
    async def program(host):
        site.network.names.lay(Silent())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.open_connection("b", 80)
        with pytest.raises(socket.gaierror):
            await asyncio.open_connection("b", 80)

    run(site, program)
