"""Cache laws against caches that are really filled and emptied."""

from collections import OrderedDict

import numpy as np
import pytest

from simkit.laws import caching


def hits(requests: list[int], capacity: int, *, refresh: bool) -> list[bool]:
    """Return which requests hit; with `refresh` a hit makes its item the youngest (LRU), without it does not (FIFO)."""
    cache: OrderedDict[int, None] = OrderedDict()
    hit = []
    for item in requests:
        hit.append(item in cache)
        if item not in cache:
            if len(cache) == capacity:
                cache.popitem(last=False)
            cache[item] = None
        elif refresh:
            cache.move_to_end(item)
    return hit


@pytest.mark.parametrize(
    ("exponent", "capacity", "ratio", "requests"),
    [(0.8, 100, 0.15662, 110.79), (0.8, 1000, 0.43666, 1472.5), (1.0, 100, 0.39053, None)],
)
def test_ten_thousand_items_least_recently_used(exponent, capacity, ratio, requests) -> None:
    law = caching.least_recently_used(caching.zipf(10_000, exponent=exponent), capacity=capacity)
    assert law.hit_ratio == pytest.approx(ratio, abs=5e-6)
    if requests is not None:
        assert law.characteristic_requests == pytest.approx(requests, rel=1e-4)


@pytest.mark.parametrize(
    ("exponent", "capacity", "ratio"), [(0.8, 100, 0.13362), (0.8, 1000, 0.39418), (1, 100, 0.34233)]
)
def test_ten_thousand_items_first_in_first_out(exponent: float, capacity: int, ratio: float) -> None:
    law = caching.first_in_first_out(caching.zipf(10_000, exponent=exponent), capacity=capacity)
    assert law.hit_ratio == pytest.approx(ratio, abs=5e-6)


@pytest.mark.parametrize("refresh", [True, False])
def test_a_simulated_cache_hits_as_often(refresh: bool, draws: np.random.Generator) -> None:
    popularity = caching.zipf(1_000, exponent=0.9)
    requests = draws.choice(1_000, size=150_000, p=popularity).tolist()
    simulated = np.mean(hits(requests, 100, refresh=refresh)[10_000:])
    law = (caching.least_recently_used if refresh else caching.first_in_first_out)(popularity, capacity=100)
    assert simulated == pytest.approx(law.hit_ratio, abs=0.005)


def test_popularity_sums_to_one_and_halves_by_its_exponent() -> None:
    popularity = caching.zipf(50, exponent=2)
    assert popularity.sum() == pytest.approx(1)
    assert popularity[0] / popularity[1] == pytest.approx(4)
    assert caching.zipf(4, exponent=0) == pytest.approx([0.25] * 4)


def test_where_all_items_are_alike_every_cache_is() -> None:
    even = caching.zipf(200, exponent=0)
    for law in (caching.least_recently_used, caching.first_in_first_out):
        assert law(even, capacity=30).hit_ratio == pytest.approx(0.15)
    assert caching.static_hit_ratio(even, capacity=30) == pytest.approx(0.15)


def test_no_cache_without_foresight_beats_the_static_one() -> None:
    popularity = caching.zipf(10_000, exponent=1)
    best = caching.static_hit_ratio(popularity, capacity=1_000)
    assert best == pytest.approx(0.7648, abs=5e-5)
    assert caching.least_recently_used(popularity, capacity=1_000).hit_ratio < best


def test_entries_that_expire(draws: np.random.Generator) -> None:
    arrivals = draws.exponential(1 / 2, 100_000).cumsum().tolist()
    fixed_hits = idle_hits = herd = misses = 0
    fixed_until = idle_until = fetched = fetching = -1.0
    for now in arrivals:
        fixed_hits += now < fixed_until
        fixed_until = fixed_until if now < fixed_until else now + 1.5
        idle_hits += now < idle_until
        idle_until = now + 1.5
        if now >= fetched:  # a cold entry: all who come while it is fetched fetch it too
            misses += 1
            fetching, fetched = now + 0.8, now + 5.0
        herd += now < fetching
    assert fixed_hits / 1e5 == pytest.approx(caching.lifetime_hit_ratio(requests_per_s=2, lifetime_s=1.5), rel=0.02)
    assert idle_hits / 1e5 == pytest.approx(caching.idle_hit_ratio(requests_per_s=2, idle_s=1.5), rel=0.02)
    assert herd / misses == pytest.approx(caching.herd_fetches(requests_per_s=2, fetch_s=0.8), rel=0.03)


def test_answers_after_the_truth_changed(draws: np.random.Generator) -> None:
    arrivals = draws.exponential(1 / 2, 200_000).cumsum()
    fetches, until = [], 0.0
    for now in arrivals.tolist():
        if now >= until:
            fetches.append(now)
            until = now + 5
    changes = draws.uniform(arrivals[0], arrivals[-100], 100_000)  # each a world of its own on the same arrivals
    expiries = np.array(fetches)[np.searchsorted(fetches, changes) - 1] + 5
    wrong = np.searchsorted(arrivals, expiries) - np.searchsorted(arrivals, changes)
    law = caching.stale_answers(requests_per_s=2, lifetime_s=5)
    assert law == pytest.approx(4.545, abs=5e-4)
    assert np.maximum(wrong, 0).mean() == pytest.approx(law, rel=0.03)


def test_what_is_no_popularity_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        caching.least_recently_used([0.5, 0.6], capacity=1)
    with pytest.raises(ValueError, match="below the number of items"):
        caching.least_recently_used([0.5, 0.5], capacity=2)
