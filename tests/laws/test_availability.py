"""Quorum availability against all ways in which members can be up or down."""

from itertools import product
from math import prod

import pytest

from simkit.laws import availability


def by_enumeration(needed: int, members: list[float]) -> float:
    return sum(
        prod(member if up else 1 - member for up, member in zip(ups, members, strict=True))
        for ups in product((True, False), repeat=len(members))
        if sum(ups) >= needed
    )


@pytest.mark.parametrize(
    ("members", "member", "all_of_them"), [(3, 0.99, 0.999702), (5, 0.99, 0.99999015), (5, 0.9, 0.99144)]
)
def test_published_majorities(members: int, member: float, all_of_them: float) -> None:
    assert availability.majority(members=members, member=member) == pytest.approx(all_of_them, abs=5e-9)


@pytest.mark.parametrize("needed", range(8))
def test_every_way_counted(needed: int) -> None:
    assert availability.k_of_n(needed=needed, members=6, member=0.7) == pytest.approx(by_enumeration(needed, [0.7] * 6))
    unequal = [0.5, 0.9, 0.99, 0.3, 1.0]
    assert availability.k_of_unequal(needed=needed, members=unequal) == pytest.approx(by_enumeration(needed, unequal))


def test_an_even_number_needs_one_more_than_half() -> None:
    assert availability.majority(members=4, member=0.9) == pytest.approx(by_enumeration(3, [0.9] * 4))


def test_a_chain_is_as_good_as_all_its_links() -> None:
    assert availability.in_series([0.9, 0.99, 0.999]) == pytest.approx(0.9 * 0.99 * 0.999)


def test_a_member_is_up_between_repairs() -> None:
    assert availability.of_member(failure_s=99, repair_s=1) == pytest.approx(0.99)
