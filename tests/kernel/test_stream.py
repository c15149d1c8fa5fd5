"""Random streams: the generator against a reference from the paper, and each distribution against its closed form.

Seeds are fixed, so every statistic here has one value; the bounds are those of a test that a correct generator fails
less than once in a million seeds, and that an error of a tenth does not pass.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simkit.kernel import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    LogNormal,
    Normal,
    Stream,
    Uniform,
    World,
)
from simkit.kernel.arithmetic import exp, log, normal_quantile
from simkit.kernel.stream import _BLOCK_MAX

WORD = 2**64 - 1
Block = tuple[int, int, int, int]


def philox4x64(counter: Block, key: tuple[int, int], rounds: int = 10) -> Block:
    """Return one block of Philox4x64 as section 4.3 of Salmon et al. (2011) defines it, on plain integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        product0, product1 = c0 * 0xD2E7470EE14C6C93, c2 * 0xCA5A826395121157
        c0, c1, c2, c3 = (product1 >> 64) ^ c1 ^ k0, product1 & WORD, (product0 >> 64) ^ c3 ^ k1, product0 & WORD
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & WORD, (k1 + 0xBB67AE8584CAA73B) & WORD
    return c0, c1, c2, c3


KNOWN_ANSWERS = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (WORD, WORD, WORD, WORD),
        (WORD, WORD),
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]
"""The Philox4x64-10 lines of the known-answer file that the paper's authors publish with Random123."""


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_the_reference_gives_the_published_answers(counter: Block, key: tuple[int, int], answer: Block) -> None:
    assert philox4x64(counter, key) == answer


def reference(stream: Stream, count: int) -> list[int]:
    """Return the first `count` draws of a fresh stream, computed by the reference."""
    key = stream._key & WORD, stream._key >> 64
    blocks = (philox4x64((number, 0, 0, 0), key) for number in itertools.count(1))
    return list(itertools.islice(itertools.chain.from_iterable(blocks), count))


@pytest.mark.parametrize(("seed", "name"), [(0, ""), (1, "network/a->b"), (2**64 - 1, "ünïcödé"), (12345, "x" * 1000)])
def test_draws_are_philox_of_their_number(seed: int, name: str) -> None:
    stream = Stream(seed, name)
    expected = reference(stream, 3000)
    assert [stream.bits64() for _ in range(3000)] == expected


def test_draws_go_on_through_blocks_of_every_size() -> None:
    stream = Stream(7, "long")
    count = 2 * _BLOCK_MAX + 5000
    expected = reference(stream, count)
    assert [stream.bits64() for _ in range(count)] == expected


def test_the_same_name_and_seed_are_the_same_stream_in_any_company() -> None:
    alone = Stream(3, "a")
    expected = [alone.bits64() for _ in range(500)]
    world = World(3)
    drawn = []
    for number in range(500):
        drawn.append(world.stream("a").bits64())
        for _ in range(number % 7):
            world.stream(f"other {number % 3}").bits64()
    assert drawn == expected
    assert world.stream("a") is world.stream("a")


def test_other_names_and_seeds_are_other_streams() -> None:
    firsts = {Stream(seed, name).bits64() for seed in range(100) for name in ("a", "b", "aa", "", "a ")}
    assert len(firsts) == 500


# -- one draw each

TAKES_ONE_DRAW: list[Callable[[Stream], Any]] = [
    Stream.bits64,
    Stream.random,
    Stream.standard_normal,
    lambda stream: stream.below(10),
    lambda stream: stream.below(2**64),
    lambda stream: stream.chance(0.0),
    lambda stream: stream.chance(1.0),
    lambda stream: stream.uniform(2, 3),
    lambda stream: stream.uniform(3, 3),
    lambda stream: stream.exponential(5),
    lambda stream: stream.exponential(0),
    lambda stream: stream.normal(5, 0),
    lambda stream: stream.lognormal(5, 1),
    lambda stream: stream.choice("a"),
    lambda stream: stream.bytes(8),
    lambda stream: stream.sample("abc", 1),
]
DISTRIBUTIONS: list[Distribution] = [
    Constant(5.0),
    Uniform(2.0, 6.0),
    Uniform(3.0, 3.0),
    Exponential(4.0),
    Exponential(0.0),
    Normal(10.0, 2.0),
    Normal(10.0, 0.0),
    LogNormal(3.0, 0.5),
    LogNormal(3.0, 0.0),
    Empirical((1.0, 2.0, 10.0)),
    Empirical((1.0, 1.0, 4.0, 4.0, 9.0)),
]
TAKES_ONE_DRAW += [distribution.draw for distribution in DISTRIBUTIONS]


@pytest.mark.parametrize("draw", TAKES_ONE_DRAW)
def test_every_draw_takes_exactly_one_number(draw: Callable[[Stream], Any]) -> None:
    stream = Stream(1, "one")
    numbers = reference(stream, 40)
    for place in range(0, 38, 2):
        draw(stream)
        assert stream.bits64() == numbers[place + 1]


@pytest.mark.parametrize(
    ("draw", "count"),
    [
        (lambda stream: stream.sample(range(100), 7), 7),
        (lambda stream: stream.sample([], 0), 0),
        (lambda stream: stream.shuffle([1, 2, 3]), 3),
        (lambda stream: stream.bytes(0), 0),
        (lambda stream: stream.bytes(1), 1),
        (lambda stream: stream.bytes(17), 3),
    ],
)
def test_samples_and_bytes_take_the_numbers_they_say(draw: Callable[[Stream], Any], count: int) -> None:
    stream = Stream(1, "several")
    numbers = reference(stream, 20)
    draw(stream)
    assert stream.bits64() == numbers[count]


def test_bytes_are_the_numbers_in_little_endian_order() -> None:
    stream = Stream(1, "bytes")
    first, second = reference(stream, 2)
    assert stream.bytes(11) == first.to_bytes(8, "little") + second.to_bytes(8, "little")[:3]


# -- distributions


class Fixed(Stream):
    """A stream whose draws are given."""

    __slots__ = ("draws",)

    def __init__(self, *draws: int) -> None:
        super().__init__(0, "fixed")
        self.draws = list(draws)

    def bits64(self) -> int:
        return self.draws.pop(0)


def test_the_smallest_and_largest_numbers_stay_within_bounds() -> None:
    for draw in (0, 1, 2**63, WORD):
        assert 0.0 <= Fixed(draw).random() < 1.0
        assert 0 <= Fixed(draw).below(3) < 3
        assert 2.0 <= Fixed(draw).uniform(2, 3) <= 3.0
        assert 0.0 <= Fixed(draw).exponential(1) < 37
        assert abs(Fixed(draw).standard_normal()) < 8.3
        assert Fixed(draw).lognormal(1, 10) < math.inf
        for size in (2, 3, 4, 5, 6, 10, 100, 1025):
            assert 0.0 <= Empirical(tuple(map(float, range(size)))).draw(Fixed(draw)) <= size - 1
    assert Fixed(0).random() == 0.0
    assert Fixed(WORD).random() == 1 - 2**-53
    assert Fixed(0).standard_normal() == -Fixed(WORD).standard_normal()
    assert not Fixed(0).chance(0.0)
    assert Fixed(WORD).chance(1.0)


def cumulative(distribution: Distribution) -> Callable[[float], float]:
    """Return the distribution function in closed form, from `math` and `statistics`."""
    match distribution:
        case Uniform(low, high):
            return lambda x: min(1.0, max(0.0, (x - low) / (high - low)))
        case Exponential(mean):
            return lambda x: 1 - math.exp(-x / mean) if x > 0 else 0.0
        case Normal(mean, std):
            return NormalDist(mean, std).cdf
        case LogNormal(median, sigma):
            return lambda x: NormalDist(math.log(median), sigma).cdf(math.log(x)) if x > 0 else 0.0
        case Empirical(quantiles):
            return lambda x: empirical_share(quantiles, x)
        case _:
            raise TypeError(distribution)


def empirical_share(quantiles: tuple[float, ...], x: float) -> float:
    share = 0.0
    for low, high in itertools.pairwise(quantiles):
        share += 1.0 if x >= high else max(0.0, (x - low) / (high - low)) if high > low else 0.0
    return share / (len(quantiles) - 1)


def greatest_gap(values: list[float], share: Callable[[float], float]) -> float:
    """Return the Kolmogorov-Smirnov statistic: the greatest gap between the values' shares and the expected ones."""
    values = sorted(values)
    return max(
        max(share(value) - place / len(values), (place + 1) / len(values) - share(value))
        for place, value in enumerate(values)
    )


CONTINUOUS = [
    Uniform(2.0, 6.0),
    Uniform(-1e9, 1e9),
    Exponential(4.0),
    Exponential(5e6),
    Normal(10.0, 2.0),
    LogNormal(3.0, 0.5),
    LogNormal(1e6, 1.5),
    Empirical((1.0, 2.0, 10.0)),
    Empirical((0.0, 5.0, 6.0, 6.5, 100.0)),
]


@pytest.mark.parametrize("distribution", CONTINUOUS, ids=repr)
def test_draws_are_distributed_as_the_closed_form_says(distribution: Distribution) -> None:
    stream = Stream(11, repr(distribution))
    count = 8000
    values = [distribution.draw(stream) for _ in range(count)]
    # Kolmogorov's distribution: P(gap * sqrt(n) > 2.7) is below 1e-6.
    assert greatest_gap(values, cumulative(distribution)) * math.sqrt(count) < 2.7


def test_the_test_for_distributions_notices_a_mean_that_is_a_tenth_off() -> None:
    stream = Stream(11, "off")
    values = [stream.exponential(1.1) for _ in range(8000)]
    assert greatest_gap(values, cumulative(Exponential(1.0))) * math.sqrt(8000) > 2.7


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_the_mean_is_the_mean(distribution: Distribution) -> None:
    stream = Stream(5, f"mean of {distribution}")
    values = [distribution.draw(stream) for _ in range(20_000)]
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    assert abs(mean - distribution.mean) <= 5 * deviation / math.sqrt(len(values)) + 1e-9


def test_moments_of_the_normal_distribution() -> None:
    stream = Stream(5, "moments")
    values = [stream.standard_normal() for _ in range(20_000)]
    for power, expected, deviation in ((1, 0, 1), (2, 1, math.sqrt(2)), (3, 0, math.sqrt(15)), (4, 3, math.sqrt(96))):
        moment = math.fsum(value**power for value in values) / len(values)
        assert abs(moment - expected) < 5 * deviation / math.sqrt(len(values))


def test_successive_draws_are_not_correlated() -> None:
    stream = Stream(5, "correlation")
    values = [stream.random() - 0.5 for _ in range(20_000)]
    for lag in (1, 2, 3, 4, 8, 32):
        covariance = math.fsum(a * b for a, b in zip(values, values[lag:], strict=False)) / len(values)
        assert abs(covariance * 12) < 5 / math.sqrt(len(values))


def test_streams_of_similar_names_are_not_correlated() -> None:
    one, other = Stream(1, "link/1"), Stream(1, "link/2")
    covariance = math.fsum((one.random() - 0.5) * (other.random() - 0.5) for _ in range(20_000)) / 20_000
    assert abs(covariance * 12) < 5 / math.sqrt(20_000)


def chi_squared(counts: dict[Any, int], cells: int) -> float:
    """Return the statistic, standardised: about normal with mean 0 and deviation 1 for uniform counts."""
    expected = sum(counts.values()) / cells
    statistic = sum((count - expected) ** 2 for count in counts.values()) / expected
    statistic += (cells - len(counts)) * expected
    return (statistic - (cells - 1)) / math.sqrt(2 * (cells - 1))


@pytest.mark.parametrize("n", [2, 3, 7, 10, 64])
def test_integers_below_a_bound_are_equally_frequent(n: int) -> None:
    stream = Stream(2, f"below {n}")
    assert abs(chi_squared(Counter(stream.below(n) for _ in range(10_000)), n)) < 6


def test_every_bit_is_set_half_of_the_time() -> None:
    stream = Stream(2, "bits")
    draws = [stream.bits64() for _ in range(5000)]
    for bit in range(64):
        assert abs(sum(draw >> bit & 1 for draw in draws) - 2500) < 6 * math.sqrt(1250)


def test_every_order_of_a_shuffle_is_equally_frequent() -> None:
    stream = Stream(2, "shuffle")
    counts: Counter[tuple[str, ...]] = Counter()
    for _ in range(4800):
        items = list("abcd")
        stream.shuffle(items)
        counts[tuple(items)] += 1
    assert len(counts) == 24
    assert abs(chi_squared(counts, 24)) < 6


def test_every_ordered_sample_is_equally_frequent() -> None:
    stream = Stream(2, "sample")
    counts = Counter(tuple(stream.sample(range(5), 2)) for _ in range(5000))
    assert len(counts) == 20
    assert abs(chi_squared(counts, 20)) < 6


def test_a_sample_leaves_its_source_alone() -> None:
    source = [1, 2, 3, 4]
    assert sorted(Stream(1, "").sample(source, 4)) == source == [1, 2, 3, 4]


def test_a_choice_is_one_of_the_elements() -> None:
    stream = Stream(2, "choice")
    counts = Counter(stream.choice("abc") for _ in range(3000))
    assert abs(chi_squared(counts, 3)) < 6


@pytest.mark.parametrize("p", [0.0, 0.01, 0.5, 1.0])
def test_a_chance_is_taken_as_often_as_it_says(p: float) -> None:
    stream = Stream(2, f"chance {p}")
    taken = sum(stream.chance(p) for _ in range(10_000))
    assert abs(taken - 10_000 * p) <= 5 * math.sqrt(10_000 * p * (1 - p))


@pytest.mark.parametrize("distribution", [d for d in DISTRIBUTIONS if not isinstance(d, Normal)], ids=repr)
def test_a_scaled_distribution_draws_scaled_values(distribution: Distribution) -> None:
    one, other = Stream(9, "scaled"), Stream(9, "scaled")
    scaled = distribution.scaled(3.0)
    assert type(scaled) is type(distribution)
    assert math.isclose(scaled.mean, 3 * distribution.mean)
    for _ in range(100):
        assert math.isclose(scaled.draw(one), 3 * distribution.draw(other), rel_tol=1e-14)


# -- arguments that make no sense


@pytest.mark.parametrize(
    "call",
    [
        lambda stream: stream.below(0),
        lambda stream: stream.below(-1),
        lambda stream: stream.sample("abc", 4),
        lambda stream: stream.sample("abc", -1),
        lambda stream: stream.choice([]),
    ],
)
def test_a_draw_from_nothing_is_refused(call: Callable[[Stream], Any]) -> None:
    with pytest.raises(ValueError, match=r"no integer|cannot take"):
        call(Stream(1, ""))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(math.nan),
        lambda: Constant(math.inf),
        lambda: Uniform(2, 1),
        lambda: Uniform(0, math.inf),
        lambda: Exponential(-1),
        lambda: Exponential(math.nan),
        lambda: Normal(0, -1),
        lambda: Normal(math.nan, 1),
        lambda: LogNormal(-1, 1),
        lambda: LogNormal(1, -1),
        lambda: LogNormal(1, 11),
        lambda: LogNormal(1, math.nan),
        lambda: Empirical((1.0,)),
        lambda: Empirical(()),
        lambda: Empirical((2.0, 1.0)),
        lambda: Empirical((1.0, math.nan)),
        lambda: Empirical((1.0, math.inf)),
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(make: Callable[[], Distribution]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        make()


# -- arithmetic


def ulps(value: float, expected: float) -> float:
    """Return how far `value` is from `expected` in units of the last place."""
    return abs(value - expected) / math.ulp(expected)


positive = st.floats(5e-324, 1.7e308, exclude_min=False)


@settings(max_examples=150)
@given(positive | st.floats(0.5, 2.0) | st.integers(1, 2**53).map(lambda n: n * 2.0**-53))
@example(5e-324)
@example(1.0)
@example(math.sqrt(0.5))
@example(math.nextafter(1.0, 0.0))
@example(math.nextafter(1.0, 2.0))
@example(2.0**-53)
def test_logarithms_are_right_to_the_last_places(x: float) -> None:
    assert log(x) == math.log(x) == 0.0 or ulps(log(x), math.log(x)) <= 4


@settings(max_examples=150)
@given(st.floats(-708, 709) | st.floats(-1, 1))
@example(0.0)
@example(-708.0)
@example(709.0)
@example(math.log(2) / 2)
def test_exponentials_are_right_to_the_last_places(x: float) -> None:
    assert ulps(exp(x), math.exp(x)) <= 2


def test_exponentials_end_where_floats_do() -> None:
    assert exp(-800.0) == 0.0
    assert exp(800.0) == math.inf
    assert exp(-math.inf) == 0.0
    assert exp(math.inf) == math.inf
    assert math.isclose(exp(-740.0), math.exp(-740.0), rel_tol=0.01)


@settings(max_examples=150)
@given(st.floats(2.0**-53, 1 - 2.0**-53) | st.floats(1e-300, 1e-3))
@example(0.5)
@example(0.075)
@example(0.925)
@example(math.exp(-25))
@example(2.0**-53)
def test_normal_quantiles_are_right_to_the_last_places(p: float) -> None:
    expected = NormalDist().inv_cdf(p)
    assert math.isclose(normal_quantile(p), expected, rel_tol=1e-14, abs_tol=1e-16)


@given(st.floats(1e-300, 0.5))
def test_the_normal_quantile_inverts_the_distribution_function(p: float) -> None:
    x = normal_quantile(p)
    # A quantile that is off by a relative e moves the tail by about x * x * e.
    assert math.isclose(math.erfc(-x / math.sqrt(2)) / 2, p, rel_tol=1e-14 * (2 + x * x))


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_a_share_outside_the_unit_interval_has_no_quantile(p: float) -> None:
    with pytest.raises(ValueError, match="no normal quantile"):
        normal_quantile(p)


@pytest.mark.parametrize("x", [0.0, -1.0])
def test_what_is_not_positive_has_no_logarithm(x: float) -> None:
    with pytest.raises(ValueError, match="logarithm"):
        log(x)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_logarithm_and_exponential_keep_order(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert log(low) <= log(high)
    assert exp(math.copysign(min(low, 700.0), -1)) >= exp(-min(high, 700.0))
