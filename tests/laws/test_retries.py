"""Retry laws against chains of calls that are really made."""

import numpy as np
import pytest

from simkit.laws import retries


def calls_at_the_bottom(layers: int, attempts: int) -> int:
    """Count the calls that reach a bottom which always fails."""
    return 1 if layers == 0 else sum(calls_at_the_bottom(layers - 1, attempts) for _ in range(attempts))


@pytest.mark.parametrize(("layers", "attempts", "calls"), [(3, 4, 64), (5, 3, 243), (0, 9, 1)])
def test_layers_multiply(layers: int, attempts: int, calls: int) -> None:
    assert calls_at_the_bottom(layers, attempts) == calls
    assert retries.amplification(layers=layers, attempts_max=attempts) == calls


def test_attempts_end_with_the_first_success(draws: np.random.Generator) -> None:
    failed = draws.random((200_000, 4)) < 0.3
    attempts = np.where(failed.all(axis=1), 4, failed.argmin(axis=1) + 1)
    assert retries.mean_attempts(failure=0.3, attempts_max=4) == pytest.approx(attempts.mean(), rel=0.01)
    assert retries.mean_attempts(failure=0, attempts_max=4) == 1
    assert retries.mean_attempts(failure=1, attempts_max=4) == 4


def test_a_budget_bounds_each_layer() -> None:
    assert retries.budgeted_amplification(layers=1, budget=0.1) == pytest.approx(1.1)
    assert retries.budgeted_amplification(layers=5, budget=0.2) == pytest.approx(2.49, abs=0.005)


def test_a_message_is_sent_until_it_is_acknowledged(draws: np.random.Generator) -> None:
    sends = copies = 0
    messages = 50_000
    for _ in range(messages):
        while True:
            sends += 1
            if draws.random() < 0.8:
                copies += 1
                if draws.random() < 0.8:
                    break
    law = retries.acknowledged_attempts(loss=0.2, acknowledgement_loss=0.2)
    assert law == pytest.approx(1.5625)
    assert sends / messages == pytest.approx(law, rel=0.02)
    assert copies / messages == pytest.approx(retries.delivered_copies(acknowledgement_loss=0.2), rel=0.02)


def test_an_overload_is_kept_alive_by_its_retries() -> None:
    capacity_per_s, allowed = 1_000.0, 3
    edge_per_s = retries.overload_persists_above_per_s(capacity_per_s=capacity_per_s, retries=allowed)
    assert edge_per_s == 250

    def still_overloaded(fresh_per_s: float) -> bool:
        return fresh_per_s * (allowed + 1) > capacity_per_s  # all attempts of every request, none in time

    assert still_overloaded(1.01 * edge_per_s)
    assert not still_overloaded(0.99 * edge_per_s)


@pytest.mark.parametrize(("demand_per_s", "reaches"), [(10_000.0, 2_000.0), (1_500.0, 1_500.0), (500.0, 500.0)])
def test_clients_that_throttle_themselves(demand_per_s: float, reaches: float) -> None:
    # The client's own rule in rates, step by step to where it stays.
    forwarded = demand_per_s
    for _ in range(500):
        accepted = min(forwarded, 1_000.0)
        dropped = max(0.0, (demand_per_s - 2 * accepted) / demand_per_s)
        forwarded += 0.2 * (demand_per_s * (1 - dropped) - forwarded)
    law = retries.throttled_load_per_s(demand_per_s=demand_per_s, capacity_per_s=1_000, multiplier=2)
    assert law == reaches == pytest.approx(forwarded)
