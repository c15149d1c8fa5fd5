"""Backoff bounds against published timers and against delays drawn by the published rules."""

import numpy as np
import pytest

from simkit.laws import backoff


def test_a_restarted_container_waits_up_to_five_minutes() -> None:
    delays_s = [backoff.ceiling_s(attempt, base_s=10, cap_s=300) for attempt in range(1, 8)]
    assert delays_s == [10, 20, 40, 80, 160, 300, 300]


def test_the_coap_timers() -> None:
    # RFC 7252, 4.8.2: ACK_TIMEOUT 2 s, ACK_RANDOM_FACTOR 1.5, MAX_RETRANSMIT 4.
    _, span_s = backoff.total_bounds_s(4, base_s=2 * 1.5, cap_s=1e9, jitter="none")
    _, wait_s = backoff.total_bounds_s(5, base_s=2 * 1.5, cap_s=1e9, jitter="none")
    shortest_wait_s, _ = backoff.total_bounds_s(5, base_s=2, cap_s=1e9, jitter="none")
    assert (span_s, wait_s, shortest_wait_s) == (45, 93, 62)


def test_a_thousand_attempts_are_still_capped() -> None:
    assert backoff.ceiling_s(5_000, base_s=0.005, cap_s=2) == 2
    assert backoff.ceiling_s(5_000, base_s=1, cap_s=3, factor=1) == 1


@pytest.mark.parametrize("jitter", ["none", "equal", "full", "decorrelated"])
def test_drawn_delays_fill_their_bounds_and_keep_them(jitter: backoff.Jitter, draws: np.random.Generator) -> None:
    rounds = 40_000
    last = np.full(rounds, 5.0)
    total = np.zeros(rounds)
    for attempt in range(1, 4):
        ceiling = min(60.0, 5.0 * 2 ** (attempt - 1))
        delay = {
            "none": np.full(rounds, ceiling),
            "equal": ceiling / 2 + draws.uniform(0, ceiling / 2, rounds),
            "full": draws.uniform(0, ceiling, rounds),
            "decorrelated": np.minimum(60.0, 5.0 + draws.random(rounds) * (3 * last - 5.0)),
        }[jitter]
        last = delay if jitter == "decorrelated" else last
        total += delay
        low, high = backoff.delay_bounds_s(attempt, base_s=5, cap_s=60, jitter=jitter)
        assert low <= delay.min() <= low + 1
        assert high * 0.9 <= delay.max() <= high
        if jitter != "decorrelated":
            mean = backoff.mean_delay_s(attempt, base_s=5, cap_s=60, jitter=jitter)
            assert mean == pytest.approx(delay.mean(), rel=0.02)
    low, high = backoff.total_bounds_s(3, base_s=5, cap_s=60, jitter=jitter)
    assert low <= total.min()
    assert total.max() <= high


def test_unknown_jitter_is_refused() -> None:
    with pytest.raises(ValueError, match="'some'"):
        backoff.delay_bounds_s(1, base_s=1, cap_s=2, jitter="some")
    with pytest.raises(ValueError, match="no simple mean"):
        backoff.mean_delay_s(1, base_s=1, cap_s=2, jitter="decorrelated")
