"""Streams in storms of faults: whatever arrives is a prefix of what was sent, and what can get through does."""

import asyncio
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simkit.kernel import Uniform
from simkit.network import Everything, Link

MS = 10**6


def stream_of(size):
    """Return bytes in which every place looks different."""
    return b"".join(b"%08d" % number for number in range(size // 8))


def conversation(site, received, answered):
    """Let a send lines of all sizes to b and b answer each; return a's program and b's."""

    async def serve(reader, writer):
        index = len(received)
        received.append(bytearray())
        with suppress(OSError):
            while data := await reader.read(10_000):
                received[index] += data
                writer.write(data)
                await writer.drain()
        writer.close()

    async def listen(host):
        server = await asyncio.start_server(serve, port=80)
        await server.serve_forever()

    async def send(writer, data):
        with suppress(OSError):
            for start in range(0, len(data), 20_000):
                writer.write(data[start : start + 20_000])
                await writer.drain()
                await asyncio.sleep(0.05)
            writer.write_eof()

    async def talk(host):
        data = stream_of(400_000)
        for _ in range(4):
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("b", 80)
                sending = asyncio.create_task(send(writer, data))
                index = len(answered)
                answered.append(bytearray())
                with suppress(OSError):
                    while echoed := await reader.read(5_000):
                        answered[index] += echoed
                await sending
                writer.close()

    return talk, listen


FAULTS = st.sampled_from(["cut", "one way", "reject", "loss", "latency", "bandwidth", "pause a", "pause b"])
ENDS = st.sampled_from(["kill b", "power_cut b", "kill a", "power_cut a"])
MOMENTS = st.integers(100, 8_000)  # both programs have begun by then


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.tuples(MOMENTS, st.integers(1, 4_000), FAULTS), max_size=5),
    ends=st.lists(st.tuples(MOMENTS, st.integers(1, 4_000), ENDS), max_size=2),
    loss=st.sampled_from([0.0, 0.02]),
    seed=st.integers(0, 100),
)
def test_what_arrives_is_a_prefix_of_what_was_sent(new_site, faults, ends, loss, seed):
    site = new_site(Link(one_way=Uniform(1 * MS, 30 * MS), loss=loss, bandwidth=10**8), seed=seed)
    received, answered = [], []
    talk, listen = conversation(site, received, answered)
    hosts = {"b": site.host("b", listen), "a": site.host("a", talk)}
    network = site.network
    begin = {
        "cut": lambda: network.cut([["a"], ["b"]]),
        "one way": lambda: network.cut(pairs=[("b", "a")], one_way=True),
        "reject": lambda: network.cut([["a"], ["b"]], reject=True),
        "loss": lambda: network.add_loss(Everything(), 0.2),
        "latency": lambda: network.add_latency(Everything(), Uniform(0, 200 * MS)),
        "bandwidth": lambda: network.limit_bandwidth(Everything(), 2_000_000),
    }

    def strike(at_ms, length_ms, what):
        manner, _, name = what.partition(" ")
        if what in begin:
            undo = begin[what]()
        else:
            cause = object()
            hosts[name].hold(cause, manner)
            undo = lambda: hosts[name].release(cause)  # noqa: E731
        site.at(site.ms / 1000 + length_ms / 1000, undo)

    for fault in [*faults, *ends]:
        site.at(fault[0] / 1000, strike, *fault)
    site.run(400)
    data = stream_of(400_000)
    for stream in [*received, *answered]:
        assert data.startswith(bytes(stream))
    if not ends:
        # Whoever connected got everything through; a rejected SYN is the only way not to connect.
        assert all(stream == data for stream in answered)
        assert len(answered) == 4 or any(what == "reject" for *_, what in faults)
