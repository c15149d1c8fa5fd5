"""Datagrams, requests and their failures, handlers, channels."""

import asyncio
import socket

import pytest

from simkit.kernel import Constant, Uniform
from simkit.network import (
    Endpoint,
    Link,
    Message,
    Refused,
    RemoteError,
    RequestTimeout,
    Unreachable,
    handles,
)


class Note(Message, tag="test.note/1"):
    text: str


class Ask(Message, tag="test.ask/1"):
    number: int


class Answer(Message, tag="test.answer/1"):
    number: int


class Wait(Message, tag="test.wait/1"):
    seconds: float


class Queue(Message, tag="test.queue/1"):
    seconds: float


class No(Message, tag="test.no/1"):
    pass


class Fail(Message, tag="test.fail/1"):
    pass


class Quiet(Message, tag="test.quiet/1"):
    pass


class Wrong(Message, tag="test.wrong/1"):
    pass


class Unknown(Message, tag="test.unknown/1"):
    pass


class Service:
    """A node with a handler of every kind."""

    def __init__(self, network, host):
        self.host = host
        self.seen = []
        self.network = Endpoint(network, host, self)

    @property
    def ms(self):
        return self.host.world.now_ns / 10**6

    @handles(Note)
    def note(self, message):
        self.seen.append((self.ms, self.network.sender, message.text))
        if message.text == "strays may come":
            self.network.otherwise = self.seen.append

    @handles(Ask)
    async def ask(self, message: Ask) -> Answer:
        return Answer(message.number + 1)

    @handles(Wait)
    async def wait(self, message):
        await asyncio.sleep(message.seconds)
        self.seen.append((self.ms, self.network.sender, message.seconds))
        return Answer(0)

    @handles(Queue, serial=True)
    async def queue(self, message):
        await self.wait(message)

    @handles(No)
    async def refuse(self, message):
        raise Refused("not today")

    @handles(Fail)
    async def fail(self, message):
        raise KeyError("no such thing")

    @handles(Quiet)
    async def quiet(self, message):
        return None

    @handles(Wrong)
    async def wrong(self, message):
        return 5


@pytest.fixture
def pair(site):
    """Return a function that runs a coroutine of an endpoint on host a against a service on host b."""
    services = []

    async def serve(host):
        services.append(Service(site.network, host))
        await asyncio.sleep(100_000)

    def run(program, until_s=100.0):
        async def ask(host):
            await program(Endpoint(site.network, host))

        site.host("b", serve)
        site.run(0)
        client = site.host("a", ask)
        site.run(until_s)
        assert client.state == "up" or client.exit_code == 0
        return services

    run.site = site
    return run


def test_a_request_takes_a_round_trip_and_returns_the_typed_reply(pair):
    async def program(network):
        assert await network.request("b", Ask(41), 1.0) == Answer(42)
        assert pair.site.ms == 20
        reply = await network.request("b", Ask(1), 1.0, Answer)
        assert reply.number == 2
        assert await network.request("b", Quiet(), 1.0) is None
        with pytest.raises(TypeError, match=r"test\.answer/1, not with test\.note/1"):
            await network.request("b", Ask(1), 1.0, Note)

    pair(program)
    assert pair.site.told("message")[:2] == [(1, "request", "delivered"), (1, "reply", "delivered")]
    assert pair.site.records[0].payload == Ask(41).encode()


def test_datagrams_reach_handlers_that_are_plain_functions(pair):
    async def program(network):
        network.send("b", Note("hello"))
        network.send("10.0.0.1", Note("by address"))
        with pytest.raises(socket.gaierror):
            network.send("nobody", Note("x"))
        await asyncio.sleep(1)

    (service,) = pair(program)
    assert service.seen == [(10, "a", "hello"), (10, "a", "by address")]


def test_a_late_answer_is_a_time_out(pair):
    async def program(network):
        with pytest.raises(RequestTimeout, match=r"b did not answer test\.wait/1 within 0\.5 s"):
            await network.request("b", Wait(0.6), 0.5)
        assert pair.site.ms == 500
        await asyncio.sleep(1)
        assert await network.request("b", Wait(0.1), 0.5) == Answer(0)

    pair(program)


def test_a_handler_that_fails_is_logged_once_and_one_that_refuses_is_not(pair, caplog):
    async def program(network):
        for _ in range(3):
            with pytest.raises(RemoteError, match="not today"):
                await network.request("b", No(), 1.0)
            with pytest.raises(RemoteError, match="no such thing"):
                await network.request("b", Fail(), 1.0)

    pair(program)
    (logged,) = caplog.records
    assert logged.levelname == "ERROR"
    assert "the handler of test.fail/1 from a raised" in logged.getMessage()
    assert "no such thing" in str(logged.exc_info[1])


def test_a_handler_that_raises_answers_with_a_remote_error(pair):
    async def program(network):
        with pytest.raises(RemoteError) as caught:
            await network.request("b", Fail(), 1.0)
        assert (caught.value.host, caught.value.type_name, caught.value.text) == ("b", "KeyError", "'no such thing'")
        with pytest.raises(RemoteError, match="LookupError"):
            await network.request("b", Unknown(), 1.0)
        with pytest.raises(RemoteError, match="is no message"):
            await network.request("b", Wrong(), 1.0)

    pair(program)


def test_a_handler_that_raises_with_nobody_to_tell_ends_its_process(pair):
    async def program(network):
        network.send("b", Fail())
        await asyncio.sleep(1)

    with pytest.raises(KeyError):
        pair(program)


@pytest.mark.parametrize("expected", [True, False])
def test_a_stray_ends_the_process_unless_it_is_expected_and_a_refusal_never_does(pair, expected):
    async def program(network):
        network.send("b", No())
        await asyncio.sleep(0.1)
        if expected:
            network.send("b", Note("strays may come"))
            await asyncio.sleep(0.1)
        network.send("b", Unknown())
        await asyncio.sleep(0.1)

    if expected:
        (service,) = pair(program)
        assert service.seen[1:] == [Unknown()]
    else:
        with pytest.raises(LookupError, match="b has no handler of"):
            pair(program)


def test_a_rejecting_partition_makes_a_request_unreachable(pair):
    async def program(network):
        pair.site.network.cut([["a"], ["b"]], reject=True)
        with pytest.raises(Unreachable, match="b is unreachable"):
            await network.request("b", Ask(1), 1.0)
        assert pair.site.ms == 10
        network.send("b", Note("nobody tells the sender of a datagram"))

    pair(program)
    assert pair.site.told("message") == [(1, "request", "rejected"), (2, "send", "rejected")]


def test_messages_are_handled_side_by_side_and_serial_ones_in_turn(pair):
    async def program(network):
        for seconds in (3.0, 1.0, 2.0):
            network.send("b", Wait(seconds))
        await asyncio.sleep(10)
        for seconds in (3.0, 1.0, 2.0):
            network.send("b", Queue(seconds))
        await asyncio.sleep(10)

    (service,) = pair(program)
    assert [(ms, seconds) for ms, _, seconds in service.seen] == [
        (1_010, 1.0),
        (2_010, 2.0),
        (3_010, 3.0),
        (13_010, 3.0),
        (14_010, 1.0),
        (16_010, 2.0),
    ]


def test_a_paused_process_gets_datagrams_when_it_goes_on_until_the_buffer_is_full(pair):
    async def program(network):
        site = pair.site
        await asyncio.sleep(1)
        site.hosts["b"].pause()
        for number in range(3):
            network.send("b", Note(f"{number}" + "x" * 80_000))
        site.at(5, site.hosts["b"].resume)
        await asyncio.sleep(10)

    (service,) = pair(program)
    assert [(ms, text[0]) for ms, _, text in service.seen] == [(5_000, "0"), (5_000, "1")]
    assert [detail[2] for detail in pair.site.told("message")] == ["overflowed", "delivered", "delivered"]


def test_what_reaches_a_machine_without_a_process_is_told(pair):
    async def program(network):
        victim = pair.site.hosts["b"]
        victim.kill()
        network.send("b", Note("x"))
        await asyncio.sleep(1)
        victim.power_cut()
        network.send("b", Note("x"))
        await asyncio.sleep(1)

    pair(program)
    assert [detail[2] for detail in pair.site.told("message")] == ["no process", "no power"]


def test_a_process_that_kills_itself_says_nothing_after_that(pair):
    async def program(network):
        pair.site.hosts["a"].kill()
        network.send("b", Note("from beyond"))

    site = pair.site
    with pytest.raises(AssertionError):  # the exit code of a killed process is none
        pair(program)
    assert site.told("message") == []


def test_strict_mode_delivers_a_copy(new_site):
    got = {}
    for strict in (False, True):
        site = new_site(strict=strict)

        async def serve(host, site=site, strict=strict):
            Endpoint(site.network, host).handle(Note, lambda message: got.__setitem__(strict, message))
            await asyncio.sleep(10)

        sent = Note("x")

        async def say(host, site=site, sent=sent):
            Endpoint(site.network, host).send("b", sent)
            await asyncio.sleep(1)

        site.host("b", serve)
        site.host("a", say)
        site.run(1)
        assert got[strict] == sent
        assert (got[strict] is sent) is not strict


def test_loss_takes_its_share_of_datagrams(new_site):
    site = new_site(Link(one_way=Constant(10**6), loss=0.1))

    async def say(host):
        network = Endpoint(site.network, host)
        for _ in range(2_000):
            network.send("b", Note("x"))
        await asyncio.sleep(1)

    site.host("b", lambda host: Service(site.network, host).quiet(None))
    site.host("a", say)
    site.run(2)
    lost = sum(detail[2] == "lost" for detail in site.told("message"))
    assert 140 < lost < 260


def test_datagrams_overtake_each_other_and_a_channel_keeps_their_order(new_site):
    site = new_site(Link(one_way=Uniform(10**6, 10**8)))
    services = []

    async def serve(host):
        services.append(Service(site.network, host))
        await asyncio.sleep(100)

    async def say(host):
        network = Endpoint(site.network, host)
        for number in range(20):
            network.send("b", Note(f"{number:02}"))
        await asyncio.sleep(1)
        channel = await network.channel("b")
        for number in range(20):
            await channel.send(Note(f"{number:02}"))
        assert await channel.request(Ask(1), 1.0, Answer) == Answer(2)
        with pytest.raises(RemoteError):
            await channel.request(Fail(), 1.0)
        with pytest.raises(RequestTimeout):
            await channel.request(Wait(2.0), 1.0)
        channel.close()
        assert channel.broken

    site.host("b", serve)
    client = site.host("a", say)
    site.run(20)
    assert client.exit_code == 0
    texts = [text for _, _, text in services[0].seen if isinstance(text, str)]
    assert texts[:20] != sorted(texts[:20])
    assert texts[20:] == [f"{number:02}" for number in range(20)]


def test_a_channel_breaks_visibly(pair):
    async def program(network):
        channel = await network.channel("b")
        waiting = asyncio.create_task(channel.request(Wait(50.0), 60.0))
        await asyncio.sleep(1)
        pair.site.hosts["b"].kill()
        with pytest.raises(ConnectionError):
            await waiting
        assert channel.broken
        with pytest.raises(ConnectionError):
            await channel.send(Note("x"))
        with pytest.raises(ConnectionRefusedError):
            await network.channel("b")

    pair(program)


def test_a_channel_that_breaks_under_a_cancelled_sender_fails_nobody_else(pair):
    async def program(network):
        channel = await network.channel("b")
        for number in range(30):
            await channel.send(Note(f"{number}" + "x" * 50_000))
        pair.site.hosts["b"].pause()
        sending = asyncio.create_task(flood(channel))
        await asyncio.sleep(5)
        sending.cancel()
        pair.site.hosts["b"].kill()
        await asyncio.sleep(5)
        assert channel.broken

    async def flood(channel):
        while True:
            await channel.send(Note("x" * 50_000))

    (service,) = pair(program)
    assert 0 < len(service.seen) <= 30


def test_a_peer_that_speaks_something_else_breaks_the_channel(pair):
    async def program(network):
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x01\x00\x00\x00\x00\x00\xff"):
            reader, writer = await asyncio.open_connection("b", 7)
            writer.write(nonsense)
            assert await reader.read() == b""
            writer.close()

    pair(program)


def test_two_handlers_of_one_message_are_refused():
    class Twice:
        @handles(Note)
        def one(self, message): ...

        @handles(Note)
        def two(self, message): ...

    from simkit.network.handlers import handlers_of

    with pytest.raises(TypeError, match="two handlers"):
        handlers_of(Twice(), None)
    with pytest.raises(TypeError, match="is none"):
        handles(int)
