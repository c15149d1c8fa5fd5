"""Little's law on a handful of visits, counted by hand and by the law."""

import numpy as np
import pytest

from simkit.laws import little


def test_visits_counted_two_ways(draws: np.random.Generator) -> None:
    begins = draws.uniform(0, 90, 300)
    ends = begins + draws.uniform(0, 10, 300)
    moments = np.linspace(0, 100, 200_001)
    present = np.searchsorted(np.sort(begins), moments) - np.searchsorted(np.sort(ends), moments)
    mean_s = float((ends - begins).mean())
    assert little.mean_number(arrivals_per_s=300 / 100, time_s=mean_s) == pytest.approx(present.mean(), rel=1e-3)


def test_each_of_the_three_follows_from_the_other_two() -> None:
    number = little.mean_number(arrivals_per_s=40, time_s=0.25)
    assert number == 10
    assert little.mean_time_s(arrivals_per_s=40, number=number) == 0.25
    assert little.arrivals_per_s(number=number, time_s=0.25) == 40
