"""Service level objectives: the error budget, and the alerts that would have fired."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.checks import BurnRateAlert, ServiceLevelObjective, workbook_alerts
from simkit.checks.burn_rate import FIRINGS_KEPT, BurnRate
from simkit.checks.objective import SLOTS, Spending

S = 1_000_000_000
ALERT = BurnRateAlert("page", long_s=60.0, short_s=5.0, rate=5.0)


class Answered(ServiceLevelObjective):
    """99% within half a second."""

    name = "answered"
    objective = 0.99
    threshold_s = 0.5
    alerts = (ALERT,)


def watched(*requests: tuple[int, int], every_ns: int = S // 10, kind: type[Answered] = Answered) -> Answered:
    """Watch ten requests a second: so many good, so many bad, and so on."""
    check, time_ns = kind(), 0
    for good, bad in requests:
        for number in range(good + bad):
            check.answered(time_ns, "clients-0", 0.1 if number < good else 0.7)
            time_ns += every_ns
    check.conclude(time_ns)
    return check


def test_a_budget_that_suffices_passes_and_says_how_much_is_spent() -> None:
    check = watched((990, 5), (5, 0))
    assert check.holds
    assert not check.violations
    assert check.summary() == ("99.50% of 1,000 requests good, 50% of the error budget spent; no alert fired")


def test_the_budget_to_the_last_request_is_in_it_and_one_more_is_not() -> None:
    assert not watched((990, 10)).violations
    [violation] = watched((989, 11)).violations
    assert violation.text.startswith("98.90% of 1,000 requests were good, not 99%: 11 bad ones, 10 allowed; ")


def test_the_budget_is_what_the_author_wrote_and_not_the_nearest_binary_fraction() -> None:
    for tenths in range(1, 10):
        kind = type("Tenths", (Answered,), {"objective": tenths / 10, "alerts": ()})
        assert not watched((tenths * 100, 1000 - tenths * 100), kind=kind).violations
        assert watched((tenths * 100 - 1, 1001 - tenths * 100), kind=kind).violations


def test_a_share_is_cut_and_never_rounded_up_to_all() -> None:
    assert "99.99% of 20,000 requests good" in watched((19_999, 1)).summary()


def test_the_story_tells_the_first_bad_one_the_alert_and_when_the_budget_was_spent() -> None:
    check = Answered()
    for number in range(1_000):
        if number == 500:
            check.fault_began(number * S // 10, "slow", ("server",))
        if number == 700:
            check.fault_ended(number * S // 10, "slow", ("server",))
        check.answered(number * S // 10, "clients-0", 0.7 if 510 <= number < 710 else 0.1)
    check.conclude(100 * S)
    [violation] = check.violations
    # The eleventh bad request came at 52.0 s; slots of a run of 100 s are a quarter of a second long.
    assert 52 * S <= violation.time_ns < 52 * S + S // 2
    assert [(step.time_ns, step.host, step.text) for step in violation.story] == [
        (51 * S, "clients-0", "the first bad request: took 700 ms"),
        (violation.time_ns, "", "190 of 200 bad while slow held (server)"),
        (violation.time_ns, "", "the error budget of 10 requests is spent"),
    ]
    assert violation.text.endswith(f"; {ALERT} fired 00:54.000 until 01:16.000")


def test_an_alert_that_fired_before_the_budget_was_spent_is_part_of_the_story() -> None:
    [violation] = watched((400, 600), (60_000, 0), kind=type("Slow", (Answered,), {"objective": 0.995})).violations
    assert [step.text for step in violation.story[1:]] == [
        f"{ALERT} fires",
        "the error budget of 305 requests is spent",
    ]


def test_without_requests_it_is_undecided() -> None:
    assert watched().undecided == "no request was counted"


def test_an_objective_of_everything_or_nothing_is_refused() -> None:
    for objective in (0.0, 1.0, 99.9):
        with pytest.raises(ValueError, match="share between 0 and 1"):
            type("Slip", (Answered,), {"objective": objective})()


def test_an_alert_that_could_never_fire_is_refused() -> None:
    with pytest.raises(ValueError, match="could never fire: the budget burns at most 10x"):
        type("Slip", (Answered,), {"objective": 0.9, "alerts": workbook_alerts()})()


@pytest.mark.parametrize(
    ("long_s", "short_s", "rate"), [(5.0, 60.0, 1.0), (60.0, 0.0, 1.0), (60.0, 5.0, 0.0), (1e6, 1.0, 1.0)]
)
def test_windows_that_make_no_sense_are_refused(long_s: float, short_s: float, rate: float) -> None:
    with pytest.raises(ValueError, match="window"):
        BurnRateAlert("page", long_s, short_s, rate)


def test_the_workbooks_alerts_spend_2_5_and_10_percent_of_the_budget() -> None:
    month_s = 30 * 86_400
    assert [each.rate * each.long_s / month_s for each in workbook_alerts()] == pytest.approx([0.02, 0.05, 0.1])
    assert all(each.long_s == 12 * each.short_s for each in workbook_alerts(period_s=7_200))


def test_the_short_window_ends_an_alert_soon_after_the_trouble() -> None:
    check = watched((600, 60), (600, 0))
    [watching] = check._watched
    [firing] = watching.firings
    assert 60 * S < firing.begin_ns < 66 * S
    assert firing.end_ns is not None
    assert 66 * S < firing.end_ns <= 71 * S  # the long window alone would burn for a minute


def test_the_long_window_keeps_a_blip_quiet() -> None:
    # Two bad ones in five seconds burn 4% in the short window, 0.3% in the long one.
    check = watched((600, 2), (300, 0))
    assert check.summary().endswith("no alert fired")


def test_many_firings_are_counted_and_few_are_kept() -> None:
    burn = BurnRate(BurnRateAlert("page", 10.0, 1.0, 1.0), Fraction(1, 2))
    for number in range(100):
        for request in range(10):
            burn.count(number * 20 * S + request * S // 10, True)
    burn.advance(3_000 * S)
    assert (burn.fired, len(burn.firings)) == (100, FIRINGS_KEPT)


def test_silences_and_long_runs_take_bounded_time_and_memory() -> None:
    burn = BurnRate(BurnRateAlert("page", 10.0, 0.01, 2.0), Fraction(1, 4))
    spending = Spending()
    for number in range(20):
        burn.count(number * 86_400 * S, number % 2 == 0)
        spending.add(number * 86_400 * S)
    burn.advance(2**62)
    assert len(burn._long._steps) <= 10_000
    assert len(spending._counts) == SLOTS


REQUESTS = st.lists(
    st.tuples(st.one_of(st.integers(0, 300), st.integers(0, 5_000)), st.booleans()), min_size=1, max_size=80
)


@settings(max_examples=300, deadline=None)
@given(REQUESTS, st.sampled_from([(10, 10), (10, 30), (20, 240)]), st.sampled_from([1, 2, 3]))
def test_alerts_agree_with_windows_that_are_counted_anew(
    gaps: list[tuple[int, bool]], windows: tuple[int, int], rate: int
) -> None:
    """Steps of one second: at the end of each, count what lies in the last seconds of both windows."""
    short_s, long_s = windows
    burn = BurnRate(BurnRateAlert("page", float(long_s), float(short_s), float(rate)), Fraction(1, 4))
    step_ns = short_s * S // 10
    requests, time_ns = [], 0
    for tenths, bad in gaps:
        time_ns += tenths * S // 10
        requests.append((time_ns, bad))
        burn.count(time_ns, bad)
    end_ns = time_ns + 2 * long_s * S
    burn.advance(end_ns)

    def burning(now_ns: int, window_s: int) -> bool:
        seen = [bad for at_ns, bad in requests if now_ns - window_s * S <= at_ns < now_ns]
        return bool(seen) and Fraction(sum(seen), len(seen)) / Fraction(1, 4) > rate

    expected: list[tuple[int, int | None]] = []
    firing = False
    for now_ns in range(step_ns, end_ns + 1, step_ns):
        fires = now_ns >= short_s * S and burning(now_ns, short_s) and burning(now_ns, long_s)
        if fires and not firing:
            expected.append((now_ns, None))
        elif firing and not fires:
            expected[-1] = (expected[-1][0], now_ns)
        firing = fires
    assert burn.fired == len(expected)
    assert [(each.begin_ns, each.end_ns) for each in burn.firings] == expected[:FIRINGS_KEPT]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=60).map(sorted), st.data())
def test_a_budget_is_spent_by_the_end_of_the_slot_of_its_last_request(times: list[int], data: st.DataObject) -> None:
    spending = Spending()
    for time_ns in times:
        spending.add(time_ns)
    count = data.draw(st.integers(1, len(times)))
    found_ns = spending.reached_ns(count)
    assert found_ns in times
    assert 0 <= found_ns - times[count - 1] <= max(1_000_000, times[-1] // (SLOTS // 2))
    with pytest.raises(ValueError, match="not so many"):
        spending.reached_ns(len(times) + 1)
