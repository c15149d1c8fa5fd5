"""Hit ratios: caches of fixed size under independent requests, and entries with a time to live.

Symbols: item i is requested with probability p_i, independently each time; C items fit. Time is counted in requests:
the characteristic time t is how long an unrequested item lasts. Sources: H. Che, Y. Tung, Z. Wang, "Hierarchical Web
Caching Systems: Modeling, Design and Experimental Results", IEEE JSAC 20(7) (2002); C. Fricker, P. Robert, J. Roberts,
"A Versatile and Accurate Approximation for LRU Cache Performance", ITC 24 (2012); E. Gelenbe, "A Unified Approach to
the Evaluation of a Class of Replacement Algorithms", IEEE Transactions on Computers 22(6) (1973); J. Jung,
A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet Caches", INFOCOM (2003).

It is deliberately without correlation: real traces have bursts, and a law that ignores them errs on the low side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simkit.laws import arguments
from simkit.laws.bisection import crossing

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CacheLaw:
    """What a cache of fixed size does.

    Attributes:
        hit_ratio: the share of requests that find their item.
        characteristic_requests: how many requests an item that nobody asks for stays.
    """

    hit_ratio: float
    characteristic_requests: float


def zipf(items: int, *, exponent: float) -> Floats:
    """Return the request probabilities of the items, p_i proportional to i^-exponent: an array that sums to 1."""
    arguments.count(items=items)
    arguments.not_negative(exponent=exponent)
    weights = np.arange(1, items + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def least_recently_used(popularity: ArrayLike, *, capacity: int) -> CacheLaw:
    """Return Che's approximation: h_i = 1 - e^{-p_i t} with sum_i h_i = C."""
    return _solve(popularity, capacity, lambda requests: -np.expm1(-requests))


def first_in_first_out(popularity: ArrayLike, *, capacity: int) -> CacheLaw:
    """Return the law of FIFO and of random replacement: h_i = p_i t / (1 + p_i t) with sum_i h_i = C."""
    return _solve(popularity, capacity, lambda requests: requests / (1 + requests))


def static_hit_ratio(popularity: ArrayLike, *, capacity: int) -> float:
    """Return the hit ratio of a cache that holds the C most popular items for ever: the best without foresight."""
    probabilities = _probabilities(popularity, capacity)
    return float(np.sort(probabilities)[::-1][:capacity].sum())


def lifetime_hit_ratio(*, requests_per_s: float, lifetime_s: float) -> float:
    """Return the hit ratio of an entry kept for T from its fetch, Poisson requests, lambda T / (1 + lambda T)."""
    arguments.not_negative(requests_per_s=requests_per_s, lifetime_s=lifetime_s)
    return requests_per_s * lifetime_s / (1 + requests_per_s * lifetime_s)


def idle_hit_ratio(*, requests_per_s: float, idle_s: float) -> float:
    """Return the hit ratio of an entry kept until nobody asked for W, Poisson requests, 1 - e^{-lambda W}.

    The rest, e^{-lambda W}, are the cold starts of a function whose instance is kept warm for W.
    """
    arguments.not_negative(requests_per_s=requests_per_s, idle_s=idle_s)
    return -expm1(-requests_per_s * idle_s)


def stale_answers(*, requests_per_s: float, lifetime_s: float) -> float:
    """Return the mean number of answers from a cached entry after its truth changed at a random moment.

    The entry is cached with probability lambda T / (1 + lambda T), its rest is T / 2 on average.
    """
    cached = lifetime_hit_ratio(requests_per_s=requests_per_s, lifetime_s=lifetime_s)
    return cached * requests_per_s * lifetime_s / 2


def herd_fetches(*, requests_per_s: float, fetch_s: float) -> float:
    """Return the mean fetches that one cold entry causes when concurrent misses are not joined, 1 + lambda D."""
    arguments.not_negative(requests_per_s=requests_per_s, fetch_s=fetch_s)
    return 1 + requests_per_s * fetch_s


def _solve(popularity: ArrayLike, capacity: int, cached: Callable[[Floats], Floats]) -> CacheLaw:
    probabilities = _probabilities(popularity, capacity)

    def occupied(requests: float) -> float:
        return float(cached(probabilities * requests).sum())

    requests = crossing(occupied, float(capacity), high=float(capacity))
    return CacheLaw(float((probabilities * cached(probabilities * requests)).sum()), requests)


def _probabilities(popularity: ArrayLike, capacity: int) -> Floats:
    probabilities = np.asarray(popularity, dtype=np.float64)
    if probabilities.ndim != 1 or not (probabilities > 0).all() or abs(probabilities.sum() - 1) > 1e-9:
        raise ValueError("popularity must be one row of positive probabilities that sum to 1")
    arguments.count(capacity=capacity)
    if capacity >= len(probabilities):
        raise ValueError(f"capacity must be below the number of items, {len(probabilities)}, not {capacity}")
    return probabilities
