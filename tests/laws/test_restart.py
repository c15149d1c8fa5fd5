"""The restart law against tasks that are really started over."""

import numpy as np
import pytest

from simkit.laws import restart

TASK = {"task_s": 30.0, "failures_per_s": 0.02}


def test_half_a_minute_of_work_under_a_failure_every_fifty_seconds() -> None:
    assert restart.mean_time_s(**TASK, redelivery_s=60) == pytest.approx(90.43, abs=0.005)
    assert restart.mean_attempts(**TASK) == pytest.approx(1.8221, abs=5e-5)


def test_tasks_that_start_over(draws: np.random.Generator) -> None:
    tasks = 100_000
    total_s, attempts, open_tasks = np.zeros(tasks), np.zeros(tasks, dtype=int), np.arange(tasks)
    while len(open_tasks):
        fails_s = draws.exponential(50.0, len(open_tasks))
        failed = fails_s < 30.0
        attempts[open_tasks] += 1
        total_s[open_tasks] += np.where(failed, fails_s + 60.0, 30.0)
        open_tasks = open_tasks[failed]
    assert total_s.mean() == pytest.approx(restart.mean_time_s(**TASK, redelivery_s=60), rel=0.02)
    assert attempts.mean() == pytest.approx(restart.mean_attempts(**TASK), rel=0.02)
    for many in range(5):
        assert (attempts > many).mean() == pytest.approx(restart.attempts_survival(many, **TASK), rel=0.06)


def test_without_failures_it_takes_as_long_as_it_takes() -> None:
    assert restart.mean_time_s(task_s=30, failures_per_s=0, redelivery_s=60) == 30
    assert restart.mean_time_s(task_s=30, failures_per_s=1e-12, redelivery_s=60) == pytest.approx(30)
    assert restart.mean_attempts(task_s=30, failures_per_s=0) == 1
