"""Goodput that comes back after a trigger, and goodput that does not."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.checks import Metastability, Violation

S = 1_000_000_000


class Recovers(Metastability):
    """Back within ten seconds."""

    name = "recovers"
    within_s = 10.0


def run(
    *rates: tuple[float, float, int, int], end_s: float, fault: tuple[float, float] | None = (20, 25), **given: Any
) -> Recovers:
    """Watch a run: so much offered and served a second from one second to another, and a fault in between."""
    check = type("Check", (Recovers,), given)()
    moments: list[tuple[float, int, str, int]] = []
    for begin_s, until_s, offered, served in rates:
        for number in range(max(offered, served)):
            for second in range(round(begin_s), round(until_s)):
                moment_s = second + number / max(offered, served)
                moments += [(moment_s, 1, "offered", 1)] * (number < offered)
                moments += [(moment_s, 2, "served", 1)] * (number < served)
    if fault:
        moments += [(fault[0], 0, "began", 0), (fault[1], 0, "ended", 0)]
    for moment_s, _, what, _ in sorted(moments):
        time_ns = round(moment_s * S)
        if what in ("began", "ended"):
            getattr(check, f"fault_{what}")(time_ns, "slow", ("server",))
        else:
            getattr(check, what)(time_ns)
    check.conclude(round(end_s * S))
    assert isinstance(check, Recovers)
    return check


def only(check: Metastability) -> Violation:
    [violation] = check.violations
    assert not check.undecided
    return violation


STEADY = (0, 20, 40, 40)
DOWN_MEANWHILE = (20, 25, 40, 3)


def test_goodput_that_comes_back_in_time_passes() -> None:
    check = run(STEADY, DOWN_MEANWHILE, (25, 33, 40, 5), (33, 60, 40, 40), end_s=60)
    assert not check.violations_total
    assert not check.undecided
    assert check.holds
    assert check.summary() == "recovered once, at the slowest 8 s after the trigger had gone"


def test_goodput_that_stays_down_fails_and_the_story_names_trigger_and_steady_state() -> None:
    violation = only(run(STEADY, DOWN_MEANWHILE, (25, 60, 40, 5), end_s=60))
    assert violation.time_ns == 36 * S
    assert violation.text == (
        "goodput 5/s of 40/s for 11 s after slow had gone, 40/s before; not back when the run ended, after 35 s"
    )
    assert [(step.time_ns, step.text) for step in violation.story[:2]] == [
        (0, "steady: 40/s of 40/s served"),
        (25 * S, "slow (server) has gone"),
    ]


def test_goodput_that_comes_back_too_late_fails_and_says_when() -> None:
    check = run(STEADY, DOWN_MEANWHILE, (25, 50, 40, 5), (50, 70, 40, 40), end_s=70)
    assert only(check).text.endswith("back after 25 s")
    assert check.holds


def test_the_bound_itself_is_in_time() -> None:
    just = run(STEADY, DOWN_MEANWHILE, (25, 35, 40, 5), (35, 60, 40, 40), end_s=60)
    late = run(STEADY, DOWN_MEANWHILE, (25, 36, 40, 5), (36, 60, 40, 40), end_s=60)
    assert (just.violations_total, late.violations_total) == (0, 1)


def test_a_run_that_ends_before_the_bound_is_undecided() -> None:
    check = run(STEADY, DOWN_MEANWHILE, (25, 30, 40, 5), end_s=30)
    assert check.undecided == "the run ended 5 s after slow had gone, before the bound of 10 s"
    assert not check.holds


def test_what_is_in_the_way_of_a_goal_is_told_at_the_end_of_the_run() -> None:
    unmet = run(STEADY, DOWN_MEANWHILE, (25, 30, 40, 5), end_s=30).unmet()
    assert unmet
    assert unmet.text == "goodput 5/s of 40/s for 5 s after slow had gone, 40/s before; not back when the run ended"
    assert run(STEADY, DOWN_MEANWHILE, (25, 60, 40, 40), end_s=60).unmet() is None


def test_a_run_that_ends_during_the_trigger_is_undecided() -> None:
    check = Recovers()
    for second in range(20):
        check.offered(second * S, 40)
        check.served(second * S, 40)
    check.fault_began(20 * S, "slow", ())
    check.conclude(30 * S)
    assert check.undecided == "the run ended while slow held"


def test_a_run_without_a_trigger_is_undecided() -> None:
    assert "there was no trigger" in run(STEADY, end_s=20, fault=None).undecided


def test_a_system_that_was_never_up_is_not_metastable() -> None:
    check = run((0, 60, 40, 10), end_s=60)
    assert check.undecided == "already before slow began at 00:20.000 only 10/s of 40/s was served"


def test_a_trigger_at_the_very_beginning_has_nothing_to_be_compared_with() -> None:
    check = run((0, 60, 40, 5), end_s=60, fault=(2, 4))
    assert check.undecided == "nothing steady was seen before slow began at 00:02.000"


def test_a_flicker_is_no_recovery() -> None:
    flicker = [(second, second + 1, 40, 40 if second % 3 else 5) for second in range(25, 60)]
    assert only(run(STEADY, DOWN_MEANWHILE, *flicker, end_s=60)).time_ns == 37 * S


def test_a_load_above_what_was_served_is_a_trigger_of_its_own() -> None:
    violation = only(run(STEADY, (20, 30, 90, 4), (30, 60, 40, 4), end_s=60, fault=None))
    assert "after the overload had gone" in violation.text
    assert violation.story[1].time_ns == 30 * S


def test_more_load_that_is_served_is_no_trigger() -> None:
    check = run(STEADY, (20, 30, 90, 88), (30, 60, 40, 40), end_s=60, fault=None)
    assert "there was no trigger" in check.undecided


def test_time_with_more_load_than_was_served_does_not_count() -> None:
    check = run(STEADY, DOWN_MEANWHILE, (25, 60, 80, 4), end_s=60)
    assert not check.violations_total
    assert "before the bound" in check.undecided


def test_time_without_load_does_not_count() -> None:
    check = run(STEADY, DOWN_MEANWHILE, (25, 30, 40, 5), end_s=2_000)
    assert check.undecided.startswith("the run ended 32.9 min after slow had gone, 32.8 min of it without a load")


def test_a_load_that_is_lighter_is_judged_by_itself() -> None:
    assert run(STEADY, DOWN_MEANWHILE, (25, 60, 10, 10), end_s=60).recovered == 1
    assert run(STEADY, DOWN_MEANWHILE, (25, 60, 10, 2), end_s=60).violations_total == 1


def test_faults_that_follow_each_other_are_one_trigger_until_all_have_gone() -> None:
    check = Recovers()
    for second in range(60):
        if second == 20:
            check.fault_began(20 * S, "slow", ("server",))
            check.fault_began(20 * S, "cut", ("a <-> b",))
        elif second in (24, 30):
            check.fault_ended(second * S, "slow" if second == 24 else "cut", ())
        check.offered(second * S, 40)
        check.served(second * S, 40 if second < 20 or second >= 36 else 2)
    check.conclude(60 * S)
    assert not check.violations_total
    assert check.slowest_ns == 6 * S


def test_a_second_trigger_ends_the_first_story() -> None:
    check = Recovers()
    for second in range(90):
        if second in (20, 60):
            check.fault_began(second * S, "slow", ("server",))
        elif second in (25, 65):
            check.fault_ended(second * S, "slow", ("server",))
        check.offered(second * S, 40)
        check.served(second * S, 40 if second < 20 or second >= 70 else 2)
    check.conclude(90 * S)
    assert only(check).text.endswith("not back when slow began, after 35 s")
    assert check.summary() == "1 of 2 times not back in time"


def test_what_cannot_work_is_said_when_the_check_is_made() -> None:
    for setting in ({"share": 0.0}, {"interval_s": 8.0}, {"steady_intervals": 0}, {"within_s": float("nan")}):
        with pytest.raises(ValueError, match="Check"):
            type("Check", (Recovers,), setting)()


def test_long_silences_between_short_intervals_cost_nothing() -> None:
    check = type("Check", (Recovers,), {"interval_s": 1e-6})()
    for number in range(20_000):
        check.offered(number * 1_000 * S)
    check.conclude(2**62)
    assert len(check._before) == 60
    assert not check.violations_total


SECONDS = st.lists(st.tuples(st.sampled_from([0, 10, 40, 60]), st.sampled_from([0, 5, 20, 40, 60])), max_size=40)


def recovery_by_hand(after: list[tuple[int, int]]) -> tuple[str, int | None]:
    """Judge the seconds after a trigger, (offered, served) each, by their picture: the verdict, and when it was back.

    Before the trigger 40 were offered and served in every second. A letter is a second: idle, overloaded, down, fine.
    """
    letters = "".join(
        "i" if not offered
        else "o" if offered > 40 and served < 0.8 * offered
        else "d" if served < 0.8 * min(offered, 40)
        else "f"
        for offered, served in after
    )  # fmt: skip
    first_down = (letters + "d").index("d")
    if early := re.search("fi*fi*f", letters[:first_down]):
        return "pass", early.start() - letters.rfind("o", 0, early.start()) - 1
    # An overload that comes before anything was seen to be down belongs to the trigger.
    gone = letters.rfind("o", 0, first_down) + 1
    back = re.search("f[io]*f[io]*f", letters[gone:])
    until_back = letters[gone:][: back.start() if back else None]
    down = until_back[: until_back.rfind("d") + 1]
    verdict = "fail" if len(re.sub("[io]", "", down)) > 10 else "pass" if back else "unknown"
    return verdict, back.start() if back else None


@settings(max_examples=300, deadline=None)
@given(SECONDS)
def test_it_agrees_with_a_judge_who_has_everything_at_hand(after: list[tuple[int, int]]) -> None:
    check = Recovers()
    for second in range(20):
        check.offered(second * S, 40)
        check.served(second * S, 40)
    check.fault_began(20 * S, "slow", ("server",))
    check.fault_ended(22 * S, "slow", ("server",))
    verdict, back_s = recovery_by_hand(after)
    for second, (offered, served) in enumerate(after):
        if offered:
            check.offered((22 + second) * S, offered)
        if served:
            check.served((22 + second) * S + 1, served)
        if check.recovered:
            break
    check.conclude((22 + len(after)) * S)
    if check.violations_total:
        assert verdict == "fail"
        text = check.violations[0].text
        assert text.endswith(f"; back after {back_s} s") if back_s else "; not back when the run ended" in text
        assert check.violations_total == 1 or back_s
    elif check.recovered:
        assert (verdict, check.slowest_ns) == ("pass", (back_s or 0) * S)
    else:
        assert verdict == "unknown"
