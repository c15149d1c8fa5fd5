"""Binomial, beta and Student's t against exact fractions and printed tables."""

from fractions import Fraction
from math import comb, pi, tan

import pytest

from simkit.laws import beta, binomial, student

# Two-sided 95% and 99% points (0.975 and 0.995), as in every printed table of t.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    4: (2.776, 4.604),
    5: (2.571, 4.032),
    9: (2.262, 3.250),
    10: (2.228, 3.169),
    19: (2.093, 2.861),
    29: (2.045, 2.756),
    30: (2.042, 2.750),
    60: (2.000, 2.660),
    120: (1.980, 2.617),
}


@pytest.mark.parametrize("degrees", TABLE)
def test_the_table_of_t(degrees: int) -> None:
    points = [student.quantile(probability, degrees=degrees) for probability in (0.975, 0.995)]
    assert points == pytest.approx(TABLE[degrees], abs=5.1e-4)


@pytest.mark.parametrize("probability", [1e-7, 0.01, 0.3, 0.5, 0.8, 0.999, 1 - 1e-7])
def test_t_with_one_and_two_degrees_has_a_closed_form(probability: float) -> None:
    centre = probability - 0.5
    assert student.quantile(probability, degrees=1) == pytest.approx(tan(pi * centre), rel=1e-6)
    two = 2 * centre * (2 / (1 - 4 * centre * centre)) ** 0.5
    assert student.quantile(probability, degrees=2) == pytest.approx(two, rel=1e-6)


def test_many_degrees_are_the_normal_distribution() -> None:
    assert student.quantile(0.975, degrees=1e6) == pytest.approx(1.959964, abs=5e-6)


def test_the_quantile_undoes_the_survival() -> None:
    for degrees in (1.5, 4, 33):
        for t in (-4.0, -1.0, 0.0, 0.4, 3.0):
            assert student.quantile(1 - student.survival(t, degrees=degrees), degrees=degrees) == pytest.approx(
                t, abs=1e-7
            )


def exact(successes: int, trials: int, success: Fraction) -> Fraction:
    return comb(trials, successes) * success**successes * (1 - success) ** (trials - successes)


@pytest.mark.parametrize(("trials", "success"), [(1, Fraction(1, 3)), (12, Fraction(9, 10)), (250, Fraction(1, 100))])
def test_binomial_shares_are_the_exact_fractions(trials: int, success: Fraction) -> None:
    shares = [exact(k, trials, success) for k in range(trials + 1)]
    for k in range(0, trials + 1, max(1, trials // 12)):
        assert binomial.probability(k, trials=trials, success=float(success)) == pytest.approx(float(shares[k]))
        assert binomial.at_least(k, trials=trials, success=float(success)) == pytest.approx(float(sum(shares[k:])))
        assert binomial.at_most(k, trials=trials, success=float(success)) == pytest.approx(float(sum(shares[: k + 1])))


def test_the_traffic_light_of_250_days() -> None:
    shares = [binomial.at_most(exceptions, trials=250, success=0.01) for exceptions in range(4, 10)]
    assert shares == pytest.approx([0.8922, 0.9588, 0.9863, 0.9960, 0.9989, 0.9997], abs=5e-5)


def test_the_ends() -> None:
    assert binomial.at_least(0, trials=5, success=0.3) == 1
    assert binomial.at_least(6, trials=5, success=0.3) == 0
    assert binomial.at_most(5, trials=5, success=0.3) == 1
    assert binomial.probability(6, trials=5, success=0.3) == 0
    assert binomial.probability(0, trials=5, success=0) == binomial.probability(5, trials=5, success=1) == 1
    assert (beta.regularised(2, 3, 0), beta.regularised(2, 3, 1)) == (0, 1)


def test_beta_with_simple_parameters() -> None:
    for x in (0.001, 0.2, 0.5, 0.93):
        assert beta.regularised(1, 1, x) == pytest.approx(x)
        assert beta.regularised(3, 1, x) == pytest.approx(x**3)
        assert beta.regularised(1, 4, x) == pytest.approx(1 - (1 - x) ** 4)
        assert beta.regularised(2.5, 7, x) == pytest.approx(1 - beta.regularised(7, 2.5, 1 - x))


def test_a_race_that_an_attacker_rarely_wins() -> None:
    # Double spend with a tenth of the work, z blocks behind: I_{4pq}(z, 1/2).
    races = [beta.regularised(behind, 0.5, 4 * 0.1 * 0.9) for behind in (1, 2, 4, 6)]
    assert races == pytest.approx([0.2, 0.056, 0.005456, 0.000591], abs=5e-7)
