"""Windows come from the warm-up and from when faults held."""

import pytest

from simkit.observe.windows import windows


def test_faults_part_a_run_in_three() -> None:
    found = windows(100, 10, [(40, 50), (30, 45), (70, 70)])
    assert (found.steady, found.faults, found.recovery, found.all) == ((10, 30), (30, 70), (70, 100), (10, 100))
    assert [found.of(time) for time in (5, 10, 30, 69, 70, 100)] == [
        "warmup",
        "steady",
        "faults",
        "faults",
        "recovery",
        "recovery",
    ]


def test_a_run_without_faults_is_steady() -> None:
    found = windows(100, 10, [])
    assert (found.steady, found.faults, found.recovery) == ((10, 100), None, None)


def test_a_fault_that_never_heals_leaves_no_recovery() -> None:
    found = windows(100, 0, [(40, None)])
    assert (found.steady, found.faults, found.recovery) == ((0, 40), (40, 100), None)


def test_one_act_has_no_faults_window_but_a_recovery() -> None:
    found = windows(100, 0, [(40, 40)])
    assert (found.steady, found.faults, found.recovery) == ((0, 40), None, (40, 100))


def test_faults_within_the_warm_up_leave_no_steady_window() -> None:
    found = windows(100, 20, [(10, 30)])
    assert (found.steady, found.faults) == (None, (20, 30))


def test_an_unknown_word_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="one of steady, faults, recovery, all"):
        windows(100, 0, []).named("stedy")
