"""Partition, latency, loss and bandwidth: what becomes of packets while they hold, and after.

Packets are asked of the paths themselves; what streams and messages make of it is deliberately left to the network's
own tests.
"""

from dataclasses import replace

import pytest

from simkit.kernel import Constant
from simkit.language.units import Bandwidth, Fraction
from simkit.network.path import BLOCKED, LOST, REJECTED
from simkit_faults.network import Latency, LimitedBandwidth, Loss, Partition

MILLISECOND = 10**6


def links(arena, *pairs):
    return tuple((arena.hosts[source], arena.hosts[target]) for source, target in pairs)


def sent(arena, source, target, count=1, size=100):
    """Send packets; return how long each took in ns, or why it did not arrive."""
    path = arena.network.path(arena.hosts[source], arena.hosts[target])
    answers = [path.transit(size) for _ in range(count)]
    return [answer - arena.world.now_ns if answer >= 0 else answer for answer in answers]


@pytest.mark.parametrize(("reject", "answer"), [(False, BLOCKED), (True, REJECTED)])
def test_a_partition_stops_every_packet_of_its_links_in_their_direction(arena, reject, answer):
    with Partition(reject=reject).hold(arena, links(arena, ("a-0", "b-0"), ("b-0", "a-0"), ("a-1", "b-0"))):
        assert sent(arena, "a-0", "b-0", 10) == [answer] * 10
        assert sent(arena, "b-0", "a-0", 10) == [answer] * 10
        assert sent(arena, "a-1", "b-0", 10) == [answer] * 10
        assert answer not in sent(arena, "b-0", "a-1", 10)
        assert answer not in sent(arena, "a-0", "a-1", 10)
    assert answer not in sent(arena, "a-0", "b-0", 10)


def test_a_host_cut_off_from_itself_still_reaches_itself(arena):
    with Partition().hold(arena, links(arena, ("a-0", "a-0"))):
        assert BLOCKED not in sent(arena, "a-0", "a-0", 5)


def test_two_partitions_of_one_link_end_with_the_last(arena):
    cut = links(arena, ("a-0", "b-0"))
    with Partition().hold(arena, cut):
        with Partition(reject=True).hold(arena, cut):
            pass
        assert sent(arena, "a-0", "b-0") == [BLOCKED]


def test_latency_is_added_to_every_packet_of_its_links(arenas):
    slow, plain = arenas(), arenas()
    with Latency(add=Constant(200.0 * MILLISECOND)).hold(slow, links(slow, ("a-0", "b-0"))):
        for source, target, extra in (("a-0", "b-0", 200 * MILLISECOND), ("b-0", "a-0", 0)):
            expected = [ns if ns < 0 else ns + extra for ns in sent(plain, source, target, 50)]
            assert sent(slow, source, target, 50) == expected


def test_latency_may_be_written_as_a_distribution(arena):
    fault = Latency.model_validate_json('{"add": "uniform(1s, 2s)"}')
    with fault.hold(arena, links(arena, ("a-0", "b-0"))):
        took = [ns for ns in sent(arena, "a-0", "b-0", 50) if ns >= 0]
    assert len(set(took)) == len(took)
    assert min(took) > 1_000 * MILLISECOND
    assert max(took) < 2_003 * MILLISECOND


def test_loss_adds_to_what_the_link_loses_by_itself(arena):
    with Loss(add=Fraction.parse("50%")).hold(arena, links(arena, ("a-0", "b-0"))):
        lost = sent(arena, "a-0", "b-0", 10_000).count(LOST)
        assert sent(arena, "b-0", "a-0", 10_000).count(LOST) == pytest.approx(1_000, rel=0.1)
    assert lost == pytest.approx(10_000 * (1 - 0.5 * 0.9), rel=0.03)


def test_loss_of_everything_loses_everything(arena):
    with Loss(add=Fraction.parse("100%")).hold(arena, links(arena, ("a-0", "b-0"))):
        assert sent(arena, "a-0", "b-0", 100) == [LOST] * 100


def test_a_fault_draws_from_a_stream_of_its_own(arenas):
    alone, crowded = arenas(), arenas()
    other = replace(crowded, stream=crowded.world.stream("fault/other"))
    late, lossy = Latency.model_validate_json('{"add": "uniform(1s, 2s)"}'), Loss(add=Fraction.parse("50%"))
    with late.hold(alone, links(alone, ("a-0", "b-0"))):
        expected = sent(alone, "a-0", "b-0", 100)
    link = links(crowded, ("a-0", "b-0"))
    with lossy.hold(other, link), late.hold(crowded, link):
        took = sent(crowded, "a-0", "b-0", 100)
    assert [ns for ns in took if ns >= 0] == [ns for ns, mine in zip(expected, took, strict=True) if mine >= 0]
    assert 20 < took.count(LOST) < 80


def test_less_bandwidth_makes_packets_queue(arena):
    with LimitedBandwidth(limit=Bandwidth.parse("1Mbit/s")).hold(arena, links(arena, ("a-0", "b-0"))):
        took = sent(arena, "a-0", "b-0", 10, size=1250)  # 10 ms each on the wire
    waited = [(number, ns // (10 * MILLISECOND)) for number, ns in enumerate(took) if ns >= 0]
    assert waited == [(number, number + 1) for number, _ in waited]
    assert len(waited) > 4


FAULTS = [
    Partition(),
    Partition(reject=True),
    Latency(add=Constant(5.0 * MILLISECOND)),
    Loss(add=Fraction.parse("30%")),
    LimitedBandwidth(limit=Bandwidth.parse("1kbit/s")),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.word)
def test_a_healed_network_is_the_network_it_would_have_been(arenas, fault):
    struck, spared = arenas(), arenas()
    with fault.hold(struck, links(struck, ("a-0", "b-0"))):
        sent(struck, "a-0", "b-0", 3)
        sent(spared, "a-0", "b-0", 3)
    for arena in (struck, spared):
        arena.world.run(60_000 * MILLISECOND)  # what was queued on the wire is gone
    assert sent(struck, "a-0", "b-0", 100) == sent(spared, "a-0", "b-0", 100)
    assert struck.network.overlays == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.word)
def test_a_fault_moves_no_draw_of_other_links(arenas, fault):
    struck, spared = arenas(), arenas()
    with fault.hold(struck, links(struck, ("a-0", "b-0"))):
        sent(struck, "a-0", "b-0", 100)
        assert sent(struck, "a-1", "b-0", 100) == sent(spared, "a-1", "b-0", 100)
