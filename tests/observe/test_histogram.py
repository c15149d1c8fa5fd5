"""Bags of values: buckets are right to within one percent for every number, and merging loses nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simkit.observe.histogram import Bag, buckets_of, middle_of

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300).filter(
    lambda value: value == 0 or abs(value) > 1e-300
)


@given(finite)
def test_the_middle_of_a_bucket_is_within_one_percent(value: float) -> None:
    middle = middle_of(int(buckets_of(np.array([value]))[0]))
    assert abs(middle - value) <= 0.01 * abs(value)


@given(st.lists(finite, min_size=2, max_size=50))
def test_buckets_keep_the_order_of_values(values: list[float]) -> None:
    buckets = buckets_of(np.array(sorted(values))).tolist()
    assert buckets == sorted(buckets)


@given(st.lists(finite, max_size=40), st.lists(finite, max_size=40), st.booleans(), st.booleans())
def test_merging_is_the_same_as_having_had_all_values(
    left: list[float], right: list[float], fold_left: bool, fold_right: bool
) -> None:
    merged, other, whole = Bag(left), Bag(right), Bag(left + right)
    if fold_left:
        merged.fold()
    if fold_right:
        other.fold()
    merged.merge(other)
    assert (merged.count, merged.minimum, merged.maximum) == (whole.count, whole.minimum, whole.maximum)
    for fraction in (0, 0.5, 0.99, 1):
        assert abs(merged.quantile(fraction) - whole.quantile(fraction)) <= 0.01 * abs(whole.quantile(fraction))


def test_quantiles_are_nearest_rank() -> None:
    bag = Bag([5, 1, 4, 2, 3])
    assert [bag.quantile(fraction) for fraction in (0, 0.2, 0.21, 0.5, 1)] == [1, 1, 2, 3, 5]
    assert (Bag().quantile(0.5), Bag().mean) == (0, 0)
