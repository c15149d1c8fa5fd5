"""Checkpoint laws against a job that is really interrupted, and against a search for the best interval."""

import numpy as np
import pytest

from simkit.laws import checkpoint

JOB = {"checkpoint_s": 20.0, "failure_s": 1800.0}


@pytest.mark.parametrize(("interval_s", "slowdown"), [(60, 1.4096), (268.3, 1.2049), (900, 1.3795)])
def test_published_slowdowns(interval_s: float, slowdown: float) -> None:
    law = checkpoint.slowdown(interval_s=interval_s, restart_s=60, **JOB)
    assert law == pytest.approx(slowdown, abs=5e-5)


def test_a_job_that_is_interrupted(draws: np.random.Generator) -> None:
    total_s, cycles = 0.0, 40_000
    for _ in range(cycles):
        need_s = 900.0 + 20.0  # one interval and its checkpoint; after a failure, the restart comes before it
        while (failed_s := draws.exponential(1800.0)) < need_s:
            total_s += failed_s
            need_s = 60.0 + 900.0 + 20.0
        total_s += need_s
    law = checkpoint.slowdown(interval_s=900, restart_s=60, **JOB)
    assert total_s / (cycles * 900) == pytest.approx(law, rel=0.02)


def test_no_other_interval_is_better() -> None:
    best_s = checkpoint.best_interval_s(**JOB)
    assert best_s == pytest.approx(255, abs=0.5)

    def cost(interval_s):
        return checkpoint.slowdown(interval_s=interval_s, restart_s=60, **JOB)

    assert all(cost(best_s) <= cost(best_s * factor) for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2.0))


@pytest.mark.parametrize("checkpoint_s", [0.01, 1.0, 20.0, 200.0])
def test_daly_comes_closer_than_young(checkpoint_s: float) -> None:
    job = {"checkpoint_s": checkpoint_s, "failure_s": 1800.0}
    best_s = checkpoint.best_interval_s(**job)
    daly_off, young_off = (
        abs(checkpoint.daly_interval_s(**job) - best_s),
        abs(checkpoint.young_interval_s(**job) - best_s),
    )
    assert daly_off < 0.01 * best_s
    assert daly_off < young_off


def test_a_checkpoint_too_dear_is_made_once_per_failure() -> None:
    assert checkpoint.daly_interval_s(checkpoint_s=500, failure_s=200) == 200
