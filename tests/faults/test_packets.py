"""Copies, overtaking, damage, bursts and small packets: while they hold, and after.

How often each strikes, and what streams and messages make of it, is proven in the network's own tests.
"""

import pytest

from simkit.kernel import Constant
from simkit.language.units import Fraction, Size
from simkit.network.path import BLOCKED, CORRUPTED, LOST, ODD
from simkit_faults.packets import Corrupt, Duplicate, LossBursts, Reorder, SmallPackets

MILLISECOND = 10**6


def links(arena, *pairs):
    return tuple((arena.hosts[source], arena.hosts[target]) for source, target in pairs)


def sent(arena, source, target, count, size=100):
    path = arena.network.path(arena.hosts[source], arena.hosts[target])
    answers = [path.transit(size) for _ in range(count)]
    return [answer - arena.world.now_ns if answer >= 0 else answer for answer in answers]


FAULTS = [
    Duplicate(share=Fraction(0.5)),
    Reorder(share=Fraction(0.5), by=Constant(50.0 * MILLISECOND)),
    Corrupt(share=Fraction(0.5), unnoticed=Fraction(0.5)),
    LossBursts(loss=Fraction(0.3), length=4),
    SmallPackets(limit=Size(600), silent=True),
]


def word(fault):
    return fault.word


@pytest.mark.parametrize("fault", FAULTS, ids=word)
def test_it_strikes_the_links_it_is_aimed_at_and_no_other(arenas, fault):
    struck, spared = arenas(), arenas()
    with fault.hold(struck, links(struck, ("a-0", "b-0"))):
        assert sent(struck, "a-0", "b-0", 100, 1_000) != sent(spared, "a-0", "b-0", 100, 1_000)
        for source, target in (("b-0", "a-0"), ("a-1", "b-0"), ("a-0", "a-0")):
            assert sent(struck, source, target, 100, 1_000) == sent(spared, source, target, 100, 1_000)


@pytest.mark.parametrize("fault", FAULTS, ids=word)
def test_nothing_is_left_of_it(arenas, fault):
    struck, spared = arenas(), arenas()
    with fault.hold(struck, links(struck, ("a-0", "b-0"), ("b-0", "a-0"))):
        sent(struck, "a-0", "b-0", 100)
        sent(spared, "a-0", "b-0", 100)
    assert sent(struck, "a-0", "b-0", 100, 1_000) == sent(spared, "a-0", "b-0", 100, 1_000)
    assert struck.network.overlays == []


@pytest.mark.parametrize("fault", FAULTS[:-1], ids=word)
def test_two_of_it_end_in_either_order(arenas, fault):
    for first in (0, 1):
        struck, spared = arenas(), arenas()
        both = [fault.hold(struck, links(struck, ("a-0", "b-0"))) for _ in range(2)]
        for each in both:
            each.__enter__()
        sent(struck, "a-0", "b-0", 10)
        sent(spared, "a-0", "b-0", 10)
        both[first].__exit__(None, None, None)
        assert sent(struck, "a-0", "b-0", 60) != sent(spared, "a-0", "b-0", 60)
        both[1 - first].__exit__(None, None, None)
        assert sent(struck, "a-0", "b-0", 60) == sent(spared, "a-0", "b-0", 60)


def test_each_does_what_its_name_says(arena):
    link = links(arena, ("a-1", "b-1"))
    with Duplicate(share=Fraction(1), after=Constant(5.0 * MILLISECOND)).hold(arena, link):
        assert set(sent(arena, "a-1", "b-1", 50)) == {ODD, LOST}
    with Reorder(share=Fraction(1), by=Constant(100.0 * MILLISECOND)).hold(arena, link):
        assert min(answer for answer in sent(arena, "a-1", "b-1", 50) if answer >= 0) > 100 * MILLISECOND
    with Corrupt(share=Fraction(1), unnoticed=Fraction(0)).hold(arena, link):
        assert set(sent(arena, "a-1", "b-1", 50)) == {CORRUPTED, LOST}
    with SmallPackets(limit=Size(1_000), silent=True).hold(arena, link):
        assert set(sent(arena, "a-1", "b-1", 50, 1_200)) == {BLOCKED}
        assert BLOCKED not in sent(arena, "a-1", "b-1", 50, 1_000)
    with SmallPackets(limit=Size(1_000)).hold(arena, link):
        assert BLOCKED not in sent(arena, "a-1", "b-1", 50, 1_200)
        assert arena.network.path(*link[0]).segment_bytes == 1_000 - 52


def test_bursts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="no frame in between"):
        LossBursts.model_validate({"loss": Fraction(0.9), "length": 1})
