"""Backoff: delays lie within their bounds, grow, stop growing, and take one draw each."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.kernel import World
from simkit_nodes.blocks.backoff import Backoff, Jitter

modes = st.sampled_from(list(Jitter))


@given(
    modes,
    st.integers(1, 10**10),
    st.integers(0, 10**12),
    st.integers(1, 200),
    st.integers(0, 10**12),
    st.integers(0, 99),
)
def test_every_delay_lies_within_its_bounds_and_below_the_cap(
    jitter: Jitter, base_ns: int, more_ns: int, attempt: int, last_ns: int, seed: int
) -> None:
    backoff = Backoff(base_ns, base_ns + more_ns, jitter)
    lower_ns, upper_ns = backoff.bounds_ns(attempt)
    delay_ns = backoff.delay_ns(attempt, World(seed).stream("retry"), last_ns)
    assert 0 <= lower_ns <= delay_ns <= upper_ns <= backoff.cap_ns


def test_without_jitter_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(100, 1_000, Jitter.NONE)
    stream = World(1).stream("retry")
    assert [backoff.delay_ns(attempt, stream) for attempt in range(1, 7)] == [100, 200, 400, 800, 1_000, 1_000]


def test_equal_jitter_keeps_half_and_full_jitter_keeps_nothing() -> None:
    assert Backoff(100, 10_000, Jitter.EQUAL).bounds_ns(3) == (200, 400)
    assert Backoff(100, 10_000, Jitter.FULL).bounds_ns(3) == (0, 400)


def test_decorrelated_jitter_depends_on_the_last_delay() -> None:
    backoff = Backoff(100, 10**9, Jitter.DECORRELATED)
    stream = World(1).stream("retry")
    assert all(100 <= backoff.delay_ns(9, stream, last_ns=200) <= 600 for _ in range(200))


@pytest.mark.parametrize("jitter", list(Jitter))
def test_every_mode_takes_one_draw(jitter: Jitter) -> None:
    stream, other = World(1).stream("retry"), World(1).stream("retry")
    Backoff(100, 1_000, jitter).delay_ns(2, stream, last_ns=150)
    other.random()
    assert stream.random() == other.random()


def test_full_jitter_is_spread_over_its_whole_range() -> None:
    stream = World(1).stream("retry")
    delays = sorted(Backoff(1_000, 1_000, Jitter.FULL).delay_ns(1, stream) for _ in range(4_000))
    assert abs(sum(delays) / len(delays) - 500) < 20
    assert max(late - early for early, late in pairwise(delays)) < 20


@pytest.mark.parametrize(("base_ns", "cap_ns"), [(0, 10), (11, 10), (-1, 10)])
def test_a_base_beyond_the_cap_is_refused(base_ns: int, cap_ns: int) -> None:
    with pytest.raises(ValueError, match="base"):
        Backoff(base_ns, cap_ns)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Backoff(1, 10).ceiling_ns(0)
