"""What a law refuses, and that it says what was wrong."""

from collections.abc import Callable
from math import inf, nan

import pytest

from simkit.laws import (
    arguments,
    availability,
    backoff,
    balancing,
    bisection,
    caching,
    checkpoint,
    erlang,
    finite_buffer,
    little,
    loss,
    occupancy,
    order_statistics,
    priorities,
    processor_sharing,
    restart,
    retries,
    scaling,
    single_server,
    student,
)

REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("no steady state", lambda: erlang.waiting_probability(servers=8, load_erlangs=8)),
    ("no steady state", lambda: single_server.mean_wait_s(arrivals_per_s=10, service_s=0.1)),
    ("no steady state", lambda: processor_sharing.slowdown(arrivals_per_s=11, service_s=0.1)),
    ("no steady state", lambda: priorities.mean_waits_s(servers=2, arrivals_per_s=(1, 1), service_s=1)),
    ("no steady state", lambda: balancing.mean_response_services(utilisation=1, choices=2)),
    ("arrivals_per_s", lambda: erlang.mean_wait_s(servers=8, arrivals_per_s=-1, service_s=1)),
    ("service_s", lambda: erlang.mean_wait_s(servers=8, arrivals_per_s=1, service_s=0)),
    ("servers", lambda: erlang.waiting_probability(servers=0, load_erlangs=0)),
    ("load_erlangs", lambda: erlang.blocking_probability(servers=3, load_erlangs=nan)),
    ("probability", lambda: erlang.wait_quantile_s(1.0, servers=8, arrivals_per_s=1, service_s=1)),
    ("one value of each", lambda: priorities.mean_waits_s(servers=2, arrivals_per_s=(), service_s=1)),
    ("services_s has 1", lambda: priorities.mean_waits_single_server_s(
        arrivals_per_s=(1, 2), services_s=(1,), squared_variations=(1, 1))),
    ("capacity", lambda: finite_buffer.mean_number(servers=3, capacity=2, load_erlangs=1)),
    ("sizes_units", lambda: loss.blocking_probabilities(capacity_units=3, loads_erlangs=(1,), sizes_units=(0,))),
    ("time_s", lambda: little.arrivals_per_s(number=1, time_s=0)),
    ("at most 700", lambda: restart.mean_attempts(task_s=1e6, failures_per_s=1)),
    ("failure_s", lambda: checkpoint.young_interval_s(checkpoint_s=1, failure_s=inf)),
    ("at least 0 and below 1", lambda: retries.delivered_copies(acknowledgement_loss=1)),
    ("multiplier", lambda: retries.throttled_load_per_s(demand_per_s=1, capacity_per_s=1, multiplier=0.5)),
    ("cap_s must be at least", lambda: backoff.ceiling_s(1, base_s=2, cap_s=1)),
    ("factor", lambda: backoff.ceiling_s(1, base_s=2, cap_s=3, factor=0.5)),
    ("choices", lambda: balancing.queue_share(1, utilisation=0.5, choices=0)),
    ("lifetime_s", lambda: caching.lifetime_hit_ratio(requests_per_s=1, lifetime_s=-1)),
    ("members", lambda: availability.in_series([0.9, 1.1])),
    ("rank must be at most 3", lambda: order_statistics.mean_kth_of_exponentials_s(4, number=3, mean_s=1)),
    ("wanted must be at most 3", lambda: occupancy.mean_draws_to_collect(kinds=3, wanted=4)),
    ("workers", lambda: scaling.amdahl(0.5, parallel=0.5)),
    ("degrees", lambda: student.quantile(0.9, degrees=0)),
    ("whole number", lambda: arguments.count(servers=1.5)),  # type: ignore[arg-type]
    ("whole number", lambda: arguments.count(servers=nan)),  # type: ignore[arg-type]
    ("never reaches", lambda: bisection.crossing(lambda x: x / (1 + x), 2.0)),
]  # fmt: skip


@pytest.mark.parametrize(("word", "ask"), REFUSED)
def test_it_is_refused_by_name(word: str, ask: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=word):
        ask()


def test_a_crossing_is_as_exact_as_floats_are() -> None:
    assert bisection.crossing(lambda x: x * x, 2.0) == pytest.approx(2**0.5, rel=1e-15)
    assert bisection.crossing(lambda x: x, 1e9) == 1e9
    assert bisection.crossing(lambda x: x, 1e-9) == pytest.approx(1e-9, rel=1e-15)
