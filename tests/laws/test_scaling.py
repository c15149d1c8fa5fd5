"""Scaling laws where they must meet one another and their own limits."""

import pytest

from simkit.laws import scaling


def test_a_tenth_of_serial_work_allows_a_tenfold_speed_up_at_most() -> None:
    assert scaling.amdahl(1, parallel=0.9) == pytest.approx(1)
    assert scaling.amdahl(10, parallel=0.9) == pytest.approx(10 / 1.9)
    assert scaling.amdahl(1e12, parallel=0.9) == pytest.approx(10)


@pytest.mark.parametrize("workers", [1, 2, 7, 64, 4096])
def test_the_laws_meet(workers: int) -> None:
    assert scaling.universal(workers, contention=0.2, coherency=0) == pytest.approx(
        scaling.amdahl(workers, parallel=0.8)
    )
    # Gustafson measures the parallel share on the n workers, Amdahl on one: the same run, told in two ways.
    on_many = 0.8 / workers / (0.2 + 0.8 / workers)
    assert scaling.gustafson(workers, parallel=on_many) == pytest.approx(scaling.amdahl(workers, parallel=0.8))
    assert scaling.universal(workers, contention=0, coherency=0) == workers


def test_more_workers_than_the_best_number_do_less() -> None:
    law = {"contention": 0.05, "coherency": 0.001}
    best = scaling.best_workers(**law)
    most = max(range(1, 200), key=lambda workers: scaling.universal(workers, **law))
    assert abs(most - best) <= 1
    assert scaling.universal(best, **law) > scaling.universal(best * 1.1, **law)
    assert scaling.universal(best, **law) > scaling.universal(best * 0.9, **law)


def test_without_coherency_more_is_never_worse() -> None:
    assert scaling.best_workers(contention=0.3, coherency=0) == float("inf")
    assert scaling.best_workers(contention=0.3, coherency=9) == 1
