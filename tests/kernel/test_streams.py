"""Many streams at once: against SplitMix64 on plain integers, and arrays against the functions for single numbers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

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
    arithmetic,
    arrays,
    streams,
)
from simkit.kernel.stream import branched
from simkit.kernel.streams import GOLDEN_GAMMA, Streams

WORD = 2**64 - 1


def mix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
    return z ^ z >> 31


def splitmix64(seed: int, count: int) -> list[int]:
    """Return the first outputs of the generator as figure 13 of Steele, Lea and Flood (2014) writes it."""
    return [mix(seed + (k + 1) * GOLDEN_GAMMA & WORD) for k in range(count)]


def reference(seed: int, name: str, individual: int, count: int) -> list[int]:
    key = xxh3_64_intdigest(name.encode(), seed)
    return splitmix64(mix(key + individual * GOLDEN_GAMMA & WORD), count)


def test_the_reference_gives_the_published_answers() -> None:
    # The generator that Vigna's page on xoshiro offers for seeding, as many test suites quote it.
    assert splitmix64(1234567, 5) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.fixture(params=["compiled", "python"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(streams, "draw", streams._draw)
        for name in ("log", "exp", "normal_quantile"):
            monkeypatch.setattr(arrays, name, getattr(arrays, f"_{name}"))


@pytest.mark.usefixtures("core")
def test_draws_are_splitmix64_of_their_number_whoever_draws_beside() -> None:
    given = Streams(7, "a", 50)
    rng = np.random.default_rng(1)
    drawn: dict[int, list[int]] = {}
    for _ in range(30):
        individuals = rng.permutation(50)[: rng.integers(0, 50)]
        for individual, bits in zip(individuals.tolist(), given.bits64(individuals).tolist(), strict=True):
            drawn.setdefault(individual, []).append(bits)
    assert len(drawn) == 50
    for individual, bits in drawn.items():
        assert bits == reference(7, "a", individual, len(bits))


@pytest.mark.usefixtures("core")
def test_distributions_are_those_of_a_stream_with_the_same_bits() -> None:
    one, other = Streams(3, "b", 2000), Streams(3, "b", 2000)
    everyone = np.arange(2000)
    units = [(bits >> 11) * 2.0**-53 for bits in one.bits64(everyone).tolist()]
    assert other.random(everyone).tolist() == units
    fresh = lambda: Streams(3, "b", 2000)  # noqa: E731
    assert fresh().exponential(everyone, 5.0).tolist() == [-5.0 * arithmetic.log(1.0 - unit) for unit in units]
    bits = fresh().bits64(everyone).tolist()
    normal = [arithmetic.normal_quantile(((b >> 12) + 0.5) * 2.0**-52) for b in bits]
    assert fresh().standard_normal(everyone).tolist() == normal
    lognormal = [2.0 * arithmetic.exp(0.5 * x) for x in normal]
    assert fresh().lognormal(everyone, 2.0, 0.5).tolist() == lognormal
    for n in (1, 2, 7, 10**6, 2**32):
        assert fresh().below(everyone, n).tolist() == [b * n >> 64 for b in bits]


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize(
    "distribution",
    [
        Constant(5.0),
        Uniform(2, 2**40),
        Exponential(4.0),
        Normal(10.0, 2.0),
        LogNormal(3.0, 0.5),
        Empirical((1.0, 1.0, 4.0, 9.0)),
    ],
    ids=repr,
)
def test_values_of_many_draws_are_those_of_each(distribution: Distribution) -> None:
    one, other = Stream(9, "many"), Stream(9, "many")
    bits = np.frombuffer(other.bytes(8 * 500), dtype="<u8")
    assert distribution.values(bits).tolist() == [distribution.draw(one) for _ in range(500)]


@settings(max_examples=60)
@given(st.lists(st.floats(2.0**-53, 1 - 2.0**-53) | st.floats(1e-300, 1e-3), min_size=1))
def test_logarithms_and_quantiles_of_arrays_are_those_of_each_number(shares: list[float]) -> None:
    array = np.array(shares)
    for function in (arrays.log, arrays._log):
        assert function(array).tolist() == [arithmetic.log(x) for x in shares]
    for function in (arrays.normal_quantile, arrays._normal_quantile):
        assert function(array).tolist() == [arithmetic.normal_quantile(x) for x in shares]


@settings(max_examples=60)
@given(st.lists(st.floats(-800, 800) | st.floats(-1, 1), min_size=1))
def test_exponentials_of_arrays_are_those_of_each_number(powers: list[float]) -> None:
    array = np.array(powers)
    for function in (arrays.exp, arrays._exp):
        assert function(array).tolist() == [arithmetic.exp(x) for x in powers]


def test_an_array_of_many_blocks_is_that_of_each() -> None:
    shares = np.linspace(1e-9, 1.0, 3 * arrays._BLOCK + 5)
    assert arrays._in_blocks(arrays._log, shares).tolist() == [arithmetic.log(x) for x in shares.tolist()]


def test_streams_of_neighbours_are_not_correlated() -> None:
    drawn = Streams(5, "neighbours", 20_001).random(np.arange(20_001)) - 0.5
    for lag in (1, 2, 3, 4, 8, 32):
        covariance = float(np.mean(drawn[lag:] * drawn[:-lag]))
        assert abs(covariance * 12) < 5 / math.sqrt(20_000)


def test_other_names_and_seeds_are_other_streams() -> None:
    first = np.zeros(1, dtype=np.int64)
    firsts = {
        int(Streams(seed, name, 1).bits64(first)[0]) for seed in range(100) for name in ("a", "b", "aa", "", "a ")
    }
    assert len(firsts) == 500


def test_in_a_branch_of_the_world_they_begin_anew_as_all_streams_do() -> None:
    world, first = World(1), np.arange(3)
    drawn = world.streams("a", 3)
    drawn.bits64(first)
    world.branch(2)
    assert drawn.bits64(first).tolist() == Streams(branched(1, 0, 2), "a", 3).bits64(first).tolist()


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("individuals", [[3], [0, 3], [-1], [2**40]])
def test_who_is_not_there_draws_nothing(individuals: list[int]) -> None:
    with pytest.raises(IndexError):
        Streams(1, "few", 3).bits64(np.array(individuals))


@pytest.mark.parametrize("n", [0, -1, 2**32 + 1])
def test_an_integer_is_drawn_from_something(n: Any) -> None:
    with pytest.raises(ValueError, match="drawn from"):
        Streams(1, "few", 3).below(np.arange(3), n)
