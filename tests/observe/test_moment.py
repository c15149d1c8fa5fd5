"""Times and durations read the same everywhere."""

import pytest

from simkit.observe.moment import moment, number, span

S = 10**9


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "00:00.000"),
        (390_311_999_999, "06:30.311"),
        (3_990 * S, "1:06:30.000"),
        (-S // 2, "-00:00.500"),
    ],
)
def test_moments(time_ns: int, text: str) -> None:
    assert moment(time_ns) == text


def test_moments_may_have_fewer_or_more_digits() -> None:
    assert (moment(372 * S, digits=0), moment(1, digits=9)) == ("06:12", "00:00.000000001")


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [(0, "0 s"), (90 * S, "90 s"), (1_200 * S, "20 min"), (7_200 * S, "2 h"), (1_400_000, "1.4 ms"), (17, "17 ns")],
)
def test_spans(duration_ns: int, text: str) -> None:
    assert span(duration_ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (412, "412"), (1.31, "1.31"), (1_204_118, "1,204,118"), (0.0042, "0.0042"), (1e-9, "1.00e-09")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text
