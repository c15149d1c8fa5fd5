"""Congestion control against the laws of TCP's throughput, bandwidths that are shared, and queues that are kept short.

The laws hold for streams that have always something to send; what is measured is what arrives after the first tenth of
a run.
"""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

import pytest

from simkit.kernel import Constant
from simkit.laws import tcp
from simkit.network import Link, Topology, pairs
from simkit.network.congestion import Cubic, Reno, cube_root
from simkit.network.flaw import Crossing, Flaw, Flawing
from simkit.network.queue import CoDel
from simkit.network.tcp_parameters import TcpParameters

MS = 10**6
SEGMENT = 1448
AMPLE = 1 << 24


def parameters(**options):
    return TcpParameters(**{"receive_buffer": AMPLE, "send_buffer": AMPLE, "congestion": "reno"} | options)


class Load:
    """Streams that always have something to send, each from a host of its own to one receiver."""

    def __init__(self, site, streams=1, begin_s=1.0):
        self.site = site
        self.arrived = [[] for _ in range(streams)]
        self.begin_s = begin_s
        site.host("b", self._receive)
        for number in range(streams):
            site.host(f"a-{number}", self._send, group="a")

    async def _receive(self, host):
        async def take(reader, writer):
            number = int(await reader.readexactly(1))
            while data := await reader.read(1 << 20):
                self.arrived[number].append((host.world.now_ns, len(data)))

        server = await asyncio.start_server(take, port=80)
        await server.serve_forever()

    async def _send(self, host):
        await asyncio.sleep(self.begin_s)
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(host.name[-1].encode())
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()

    def bytes_per_s(self, until_s):
        """Run, and return the throughput of each stream."""
        self.site.run(until_s)
        begin_ns = round(until_s * 10**8)
        return [sum(size for at, size in got if at > begin_ns) / (0.9 * until_s) for got in self.arrived]


def one_way(link, rtt_ms):
    """Return a topology whose packets from a to b take `link`, and come back untouched."""
    topology = Topology(Link(one_way=Constant(rtt_ms * MS // 2)))
    topology.connect("a", "b", link, one_way=True)
    return topology


# -- the laws


def mathis_ratio(new_site, rtt_ms, loss, events=500):
    law = tcp.mathis_bytes_per_s(loss=loss, rtt_s=rtt_ms / 1000, packet_bytes=SEGMENT, constant=tcp.RANDOM)
    site = new_site(
        one_way(Link(one_way=Constant(rtt_ms * MS // 2), loss=loss), rtt_ms), recorded=False, tcp=parameters()
    )
    return Load(site).bytes_per_s(events / loss * SEGMENT / law)[0] / law


@pytest.mark.parametrize(("rtt_ms", "loss"), [(20, 0.001), (100, 0.003), (300, 0.001)])
def test_throughput_falls_with_the_square_root_of_loss_and_with_the_round_trip(new_site, rtt_ms, loss):
    assert mathis_ratio(new_site, rtt_ms, loss) == pytest.approx(1, abs=0.15)


@pytest.mark.audit
@pytest.mark.parametrize("loss", [0.0001, 0.0003, 0.001, 0.003, 0.01])
@pytest.mark.parametrize("rtt_ms", [10, 30, 100, 300])
def test_throughput_follows_mathis_in_the_whole_table(new_site, rtt_ms, loss):
    assert mathis_ratio(new_site, rtt_ms, loss, 400) == pytest.approx(1, abs=0.15)


@dataclass(frozen=True)
class LossToTheEndOfTheRound(Flaw):
    """Each packet is lost with the same probability, and with it whatever follows in the same round (Padhye et al.)."""

    share: float
    sent: list

    def on(self, stream):
        return Rounds(self, stream)


class Rounds(Flawing):
    def __init__(self, flaw, stream):
        self.flaw = flaw
        self.stream = stream
        self.lost_at = None

    def strike(self, crossing: Crossing):
        now = self.flaw.sent[0].now_ns
        for frame in range(crossing.frames):
            self.flaw.sent[1] += crossing.size > 1000
            if self.stream.random() < self.flaw.share:
                self.lost_at = now
            if self.lost_at == now:
                crossing.lost.add(frame)


def padhye_ratio(new_site, rtt_ms, loss, events=500, *, limited_transmit=False):
    # The law is of 1998: limited transmit, which saves small windows from time-outs, is of 2001.
    tcp_then = parameters(limited_transmit=limited_transmit)
    site = new_site(Link(one_way=Constant(rtt_ms * MS // 2)), recorded=False, tcp=tcp_then)
    timeout_s = (rtt_ms + 200) / 1000
    law = tcp.padhye_packets_per_s(loss=loss, rtt_s=rtt_ms / 1000, timeout_s=timeout_s)
    sent = [site.world, 0]
    site.network.add_flaw(pairs([("a", "b")], one_way=True), LossToTheEndOfTheRound(loss, sent))
    until_s = events / loss / law
    Load(site).bytes_per_s(until_s)
    return sent[1] / (until_s - 1) / law


@pytest.mark.parametrize(("rtt_ms", "loss"), [(20, 0.1), (100, 0.03), (300, 0.06)])
def test_with_time_outs_throughput_is_what_padhye_and_others_found(new_site, rtt_ms, loss):
    assert padhye_ratio(new_site, rtt_ms, loss) == pytest.approx(1, abs=0.15)


@pytest.mark.audit
@pytest.mark.parametrize("loss", [0.001, 0.01, 0.03, 0.06, 0.1])
@pytest.mark.parametrize("rtt_ms", [20, 50, 100, 300])
def test_throughput_follows_padhye_in_the_whole_table(new_site, rtt_ms, loss):
    assert padhye_ratio(new_site, rtt_ms, loss, 700) == pytest.approx(1, abs=0.15)


def test_limited_transmit_saves_small_windows_from_time_outs(new_site):
    assert padhye_ratio(new_site, 20, 0.1, limited_transmit=True) > 1.2


def test_a_window_lets_through_no_more_than_one_of_it_in_each_round_trip(new_site):
    site = new_site(Link(one_way=Constant(50 * MS)), recorded=False, tcp=TcpParameters())
    law = tcp.window_bytes_per_s(window_bytes=TcpParameters().receive_buffer, rtt_s=0.1)
    assert Load(site).bytes_per_s(60)[0] == pytest.approx(law, rel=0.02)


# -- bandwidth


@pytest.mark.parametrize("algorithm", ["reno", "cubic"])
def test_one_stream_uses_a_long_fat_pipe(new_site, algorithm):
    link = Link(one_way=Constant(25 * MS), bandwidth=10**8, queue_limit=700_000)
    site = new_site(one_way(link, 50), recorded=False, tcp=parameters(congestion=algorithm))
    goodput = Load(site).bytes_per_s(20)[0]
    assert goodput == pytest.approx(10**8 / 8 * 1448 / 1514, rel=0.08)


@pytest.mark.parametrize("algorithm", ["reno", "cubic"])
def test_two_streams_share_a_bottleneck_fairly(new_site, algorithm):
    link = Link(one_way=Constant(10 * MS), bandwidth=10**7, queue_limit=40_000)
    site = new_site(one_way(link, 20), recorded=False, tcp=parameters(congestion=algorithm))
    rates = Load(site, streams=2).bytes_per_s(90)
    assert sum(rates) ** 2 / (2 * sum(rate**2 for rate in rates)) > 0.95  # Jain's index
    assert sum(rates) == pytest.approx(10**7 / 8 * 1448 / 1514, rel=0.1)


def waiting(new_site, codel):
    """Return how long a packet waits for the wire in the middle of the time, and the throughput of two streams."""
    link = Link(one_way=Constant(20 * MS), bandwidth=2 * 10**7, queue_limit=500_000, codel=codel)
    site = new_site(one_way(link, 40), recorded=False, tcp=parameters())
    load = Load(site, streams=2)
    found = []
    queue = site.network.link_of(site.network.interfaces["a-0"], site.network.interfaces["b"])[1]
    for number in range(200):
        site.at(15 + number / 10, lambda: found.append(queue.backlog_ns(site.world.now_ns)))
    rates = load.bytes_per_s(35)
    return sorted(found)[100] / MS, sum(rates)


def test_codel_keeps_its_target_delay_where_a_plain_queue_fills_up_and_loses_little_throughput(new_site):
    plain_ms, plain = waiting(new_site, None)
    managed_ms, managed = waiting(new_site, CoDel())
    assert plain_ms > 100
    assert managed_ms < 10
    assert managed > 0.9 * plain


# -- the window itself


def test_a_window_doubles_in_each_round_trip_and_then_grows_by_one():
    window = Reno(10)
    window.acknowledged(10, 0, MS)
    assert window.window == 20
    window.lost()
    assert (window.window, window.threshold) == (10, 10)
    window.acknowledged(10, 0, MS)
    assert window.window == 11
    window.timed_out()
    assert (window.window, window.threshold) == (1, 5.5)
    window.acknowledged(6, 0, MS)
    assert window.window == pytest.approx(5.5 + 1.5 / 5.5)


def test_a_cubic_window_is_flat_where_it_lost_last_and_then_grows_faster():
    window, now, rtt = Cubic(100), 0, 100 * MS
    window.threshold = 0.0
    window._largest = 0.0
    window.lost()
    assert window.window == pytest.approx(70)
    course = []
    while now < 12 * 10**9:
        window.acknowledged(window.window, now, rtt)
        course.append(window.window)
        now += rtt
    plateau_s = cube_root(30 / Cubic.SCALE)
    at = round(plateau_s * 10)
    assert course[at] == pytest.approx(100, abs=1)
    steps = [after - before for before, after in pairwise(course)]
    assert steps[at] < 0.2 < steps[0]
    assert steps[-1] > 10 * steps[at]


def test_an_idle_window_shrinks_to_where_it_began():
    window = Reno(10)
    window.window = 100.0
    window.idled(1)
    assert window.window == 50
    window.idled(100)
    assert window.window == 10


@pytest.mark.parametrize("x", [1e-12, 0.3, 1.0, 2.0, 8.0, 27.0, 1e6, 7.3e15])
def test_cube_roots(x):
    assert cube_root(x) ** 3 == pytest.approx(x, rel=1e-12)
