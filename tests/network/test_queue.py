"""The queue in front of a wire: how long frames wait (M/D/1), whom a full one drops, and what CoDel keeps."""

from itertools import pairwise

import pytest

from simkit.kernel import World
from simkit.laws import single_server
from simkit.network.queue import CoDel, ManagedQueue, Queue

MS = 10**6
FRAME = 1514
BANDWIDTH = 10**7


def arrivals(rate_per_s, count, seed=1):
    """Yield the times of a Poisson process (ns)."""
    stream, now = World(seed).stream("arrivals"), 0.0
    for _ in range(count):
        now += stream.exponential(10**9 / rate_per_s)
        yield round(now)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_frames_wait_as_in_m_d_1(utilisation):
    queue = Queue()
    service_s = FRAME * 8 / BANDWIDTH
    rate_per_s = utilisation / service_s
    waits = [
        queue.admit(now, FRAME, FRAME, BANDWIDTH, 1 << 30) - now - round(service_s * 10**9)
        for now in arrivals(rate_per_s, 60_000)
    ]
    law_s = single_server.mean_wait_s(arrivals_per_s=rate_per_s, service_s=service_s, squared_variation=0)
    assert sum(waits) / len(waits) == pytest.approx(law_s * 10**9, rel=0.06)


def test_a_full_queue_drops_what_comes_and_nothing_else():
    queue = Queue()
    limit = 3 * FRAME
    dropped = []
    for _ in range(10):
        queue.admit(0, FRAME, FRAME, BANDWIDTH, limit)
        dropped.append(bool(queue.dropped))
    assert dropped == [False] * 4 + [True] * 6
    queue.admit(queue.free_ns, FRAME, FRAME, BANDWIDTH, limit)
    assert queue.dropped == ()


def test_of_a_long_packet_the_frames_that_find_no_room_are_dropped():
    queue = Queue()
    done_ns = queue.admit(0, 10 * FRAME, FRAME, BANDWIDTH, 3 * FRAME)
    assert queue.dropped == (4, 5, 6, 7, 8, 9)
    assert done_ns == queue.free_ns == 4 * -(-FRAME * 8 * 10**9 // BANDWIDTH)


def delays(queue, rate_per_s, count, limit):
    """Return how long each frame that is not dropped waits, with the time at which it came."""
    found = []
    for now in arrivals(rate_per_s, count):
        backlog_ns = queue.backlog_ns(now)
        queue.admit(now, FRAME, FRAME, BANDWIDTH, limit)
        if not queue.dropped:
            found.append((now, backlog_ns))
    return found


def test_codel_leaves_a_queue_alone_that_is_not_standing():
    plain, managed = Queue(), ManagedQueue(CoDel())
    assert delays(managed, 400, 20_000, 1 << 20) == delays(plain, 400, 20_000, 1 << 20)


def test_codel_keeps_a_queue_short_though_nobody_slows_down():
    rate_per_s = 1.1 * BANDWIDTH / 8 / FRAME  # a tenth more than the wire takes
    limit = 1 << 20

    def late(queue):
        found = [delay for now, delay in delays(queue, rate_per_s, 60_000, limit) if now > 30 * 10**9]
        return sorted(found)[len(found) // 2]

    assert late(Queue()) > 700 * MS
    assert late(ManagedQueue(CoDel())) < 70 * MS


def test_codel_drops_more_often_the_longer_the_queue_stands():
    queue = ManagedQueue(CoDel())
    drops = []
    service_ns = FRAME * 8 * 10**9 // BANDWIDTH
    for number in range(4_000):
        now = number * service_ns * 10 // 11
        queue.admit(now, FRAME, FRAME, BANDWIDTH, 1 << 30)
        if queue.dropped:
            drops.append(max(now, queue.free_ns))
    gaps = [later - earlier for earlier, later in pairwise(drops)]
    first = [round(gap / (100 * MS), 1) for gap in gaps[:3]]
    assert first == pytest.approx([1.0, 0.7, 0.6], abs=0.1)  # an interval over the square root of 1, 2, 3
    assert gaps[:10] == sorted(gaps[:10], reverse=True)


def test_a_target_above_the_interval_makes_no_sense():
    with pytest.raises(ValueError, match="below its interval"):
        CoDel(target_ns=100 * MS, interval_ns=10 * MS)
