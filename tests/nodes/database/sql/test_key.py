"""Keys sort as the tuples they stand for, and say what they stand for."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit_nodes.database.sql import key as keys
from simkit_nodes.database.sql.constraint import bounds, intersect, unite
from simkit_nodes.database.sql.values import Type

INTEGERS = st.integers(-(2**63), 2**63 - 1)
REALS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
TUPLES = st.tuples(st.none() | INTEGERS, st.none() | TEXTS, st.none() | REALS, st.none() | st.booleans())


def order(values: tuple) -> list:
    return [(value is not None, 0 if value is None else value) for value in values]


@given(TUPLES, TUPLES)
def test_keys_sort_as_tuples_with_null_first(one: tuple, other: tuple) -> None:
    assert (keys.encode(one) < keys.encode(other)) == (order(one) < order(other))


@given(TUPLES)
def test_a_key_gives_its_tuple_back(values: tuple) -> None:
    assert keys.decode(keys.encode(values)) == list(values)


@given(TEXTS, TEXTS)
def test_a_range_of_everything_that_begins_alike(beginning: str, text: str) -> None:
    prefix = keys.text_prefix(beginning)
    assert (prefix <= keys.encode_one(text) < prefix + keys.END) == text.startswith(beginning)


@given(st.binary(max_size=12))
def test_bytes_that_are_no_key_are_refused(junk: bytes) -> None:
    with suppress(ValueError):
        assert keys.encode(keys.decode(junk)) or junk == b""


COMPARE = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
NEAR = st.one_of(
    st.integers(-3, 3), st.integers(2**53 - 3, 2**53 + 3), st.integers(2**63 - 3, 2**63 - 1), st.just(-(2**63))
)


@given(st.sampled_from(sorted(COMPARE)), NEAR, NEAR.map(float) | st.sampled_from([0.5, -0.5, 1e300, -1e300, 2.0**63]))
def test_bounds_of_integers_by_reals_are_exact(operator: str, value: int, bound: float) -> None:
    element = keys.encode_one(value)
    inside = any(low <= element < high for low, high in bounds(operator, Type.INTEGER, bound))
    assert inside == COMPARE[operator](value, bound)


@given(st.sampled_from(sorted(COMPARE)), NEAR.map(float), NEAR)
def test_bounds_of_reals_by_integers_are_exact(operator: str, value: float, bound: int) -> None:
    element = keys.encode_one(value)
    inside = any(low <= element < high for low, high in bounds(operator, Type.REAL, bound))
    assert inside == COMPARE[operator](value, bound)


@pytest.mark.parametrize("operator", sorted(COMPARE))
def test_null_compares_with_nothing(operator: str) -> None:
    assert bounds(operator, Type.TEXT, None) == []


RANGES = st.lists(
    st.tuples(st.binary(max_size=2), st.binary(max_size=2)).filter(lambda pair: pair[0] < pair[1]), max_size=4
)


@given(RANGES, RANGES, st.binary(max_size=3))
def test_ranges_meet_and_unite_as_sets(one: list, other: list, point: bytes) -> None:
    def has(ranges: list) -> bool:
        return any(low <= point < high for low, high in ranges)

    both = unite(one), unite(other)
    assert has(both[0]) == has(one)
    assert has(intersect(*both)) == (has(one) and has(other))
    assert both[0] == sorted(both[0])
