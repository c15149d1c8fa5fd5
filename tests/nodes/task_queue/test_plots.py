"""The queue's own figures, from histories written by hand."""

from simkit.plot import Plot
from simkit_nodes.task_queue import events as told
from simkit_nodes.task_queue.plots import PLOTS, Attempts, DepthByPriority, Gantt, LatencyCurve

S = 1_000_000_000


def leased(task: str, worker: str, attempt: int, now_s: int, priority: int = 5) -> told.TaskLeased:
    return told.TaskLeased(task, worker, attempt, attempt, priority, 0, now_s * S, (now_s + 60) * S, False)


def shown(plot: Plot, *history: tuple[int, str, object]) -> Plot:
    """Let a plot see a history of (second, host, event)."""
    for second, host, event in history:
        for see in plot.sights(type(event)):  # type: ignore[arg-type]
            see(second * S, host, event)
    return plot


def test_a_late_worker_is_drawn_past_the_end_of_its_lease_and_its_second_effect_is_crossed() -> None:
    picture = shown(
        Gantt(),
        (0, "w-1", told.WorkerStarted(2)),
        (0, "w-2", told.WorkerStarted(2)),
        (20, "broker", leased("t", "w-1", 1, 20)),
        (80, "broker", told.TaskRedelivered("t", "w-1", 1, 1, 80 * S, 80 * S)),
        (81, "broker", leased("t", "w-2", 2, 81)),
        (85, "effects", told.EffectApplied("t", "t", "w-2", 2, 0)),
        (85, "broker", told.TaskSucceeded("t", "w-2", 2, 2, 65 * S)),
        (110, "effects", told.EffectApplied("t", "t", "w-1", 1, 0)),
        (111, "broker", told.ResultRefused("t", "w-1", 1, "stale")),
    ).picture(300 * S)
    assert picture is not None
    late, again = (lane.spans[0] for lane in picture.lanes)
    assert late.parts == ((20 * S, 80 * S, "first"), (80 * S, 111 * S, "alarm"))
    assert late.dots == ((110 * S, "alarm"),)
    assert again.parts == ((81 * S, 85 * S, "second"),)
    assert again.dots == ((85 * S, "first"),)
    assert picture.window_ns == (5 * S, 126 * S)


def test_what_a_dead_process_held_ends_with_its_lease_or_its_successor() -> None:
    picture = shown(
        Gantt(),
        (0, "w-1", told.WorkerStarted(2)),
        (1, "broker", leased("a", "w-1", 1, 1)),
        (30, "broker", leased("b", "w-1", 1, 30)),
        (61, "broker", told.TaskRedelivered("a", "w-1", 1, 1, 61 * S, 61 * S)),
        (70, "w-1", told.WorkerStarted(2)),
    ).picture(90 * S)
    assert picture is not None
    assert [span.parts for span in picture.lanes[0].spans] == [((S, 61 * S, "first"),), ((30 * S, 70 * S, "first"),)]


def test_the_window_reaches_to_who_takes_over_from_the_dead() -> None:
    picture = shown(
        Gantt(),
        (0, "w-1", told.WorkerStarted(2)),
        (40, "broker", leased("t", "w-1", 1, 40)),
        (70, "w-1", told.WorkerStarted(2)),  # it was killed, and its lease runs on
        (100, "broker", told.TaskRedelivered("t", "w-1", 1, 1, 100 * S, 100 * S)),
        (101, "broker", leased("t", "w-2", 2, 101)),
        (121, "broker", told.TaskSucceeded("t", "w-2", 2, 2, 81 * S)),
    ).picture(300 * S)
    assert picture is not None
    assert picture.window_ns == (25 * S, 136 * S)


def test_an_effect_over_that_of_a_newer_attempt_is_crossed() -> None:
    picture = shown(
        Gantt(),
        (0, "w-1", told.WorkerStarted(2)),
        (20, "broker", leased("t", "w-1", 1, 20)),
        (80, "broker", told.TaskRedelivered("t", "w-1", 1, 1, 80 * S, 80 * S)),
        (81, "broker", leased("t", "w-2", 2, 81)),
        (85, "effects", told.EffectApplied("t/2", "t", "w-2", 2, 2)),
        (110, "effects", told.EffectApplied("t/1", "t", "w-1", 1, 1)),
    ).picture(300 * S)
    assert picture is not None
    assert [lane.spans[0].dots[0][1] for lane in picture.lanes] == ["alarm", "first"]


def test_the_depth_of_a_priority_is_its_highest_in_each_stretch() -> None:
    def submitted(task: str, priority: int, due_ns: int = 0) -> told.TaskSubmitted:
        return told.TaskSubmitted(task, priority, 5, due_ns)

    picture = shown(
        DepthByPriority(),
        (1, "broker", submitted("a", 0)),
        (2, "broker", submitted("b", 9)),
        (2, "broker", submitted("c", 9)),
        (3, "broker", submitted("later", 9, 200 * S)),
        (4, "broker", leased("c", "w-1", 1, 4, 9)),
        (200, "broker", told.TaskPromoted("later", 0, 200 * S, 200 * S)),
    ).picture(240 * S)
    assert picture is not None
    urgent, patient = picture.curves
    assert (urgent.label, patient.label) == ("priority 0", "priority 9")
    assert set(urgent.y[1:]) == {1.0}
    assert (max(patient.y[:3]), patient.y[100], patient.y[200]) == (2.0, 1.0, 2.0)


def test_a_restarted_broker_has_what_it_found_and_nothing_else() -> None:
    picture = shown(
        DepthByPriority(),
        (1, "broker", told.TaskSubmitted("kept", 5, 5, 0)),
        (1, "broker", told.TaskSubmitted("lost", 5, 5, 0)),
        (60, "broker", told.TaskRecovered("kept", "ready")),
        (60, "broker", told.BrokerRecovered(1, 1, 0, 1)),
    ).picture(240 * S)
    assert picture is not None
    assert (picture.curves[0].y[30], picture.curves[0].y[100]) == (2.0, 1.0)


def test_attempts_are_counted_when_a_task_has_ended() -> None:
    picture = shown(
        Attempts(),
        (1, "broker", told.TaskSucceeded("a", "w", 1, 1, S)),
        (1, "broker", told.TaskSucceeded("b", "w", 3, 1, S)),
        (1, "broker", told.TaskDead("c", "w", 3, "")),
    ).picture(S)
    assert picture is not None
    assert picture.bars == (("1", 1.0), ("3", 2.0))


def test_the_tail_of_a_run_stands_beside_the_law_where_there_is_one() -> None:
    def history(servers: int) -> list[tuple[int, str, object]]:
        offered = [(n, "client", told.TaskOffered(f"{n}", 5, 4 * S)) for n in range(50)]
        done = [(n + 5, "broker", told.TaskSucceeded(f"{n}", "w", 1, n, (n + 1) * S)) for n in range(50)]
        return [(0, "w", told.WorkerStarted(servers)), *offered, *done]

    enough = shown(LatencyCurve(), *history(8)).picture(100 * S)
    assert enough is not None
    run, law = enough.curves
    assert (run.x[0], run.y[0], run.x[-1], round(run.y[-1] or 0, 9)) == (1.0, 1.0, 50.0, 1 / 50)
    assert law.label == "M/M/8"
    assert law.y[0] == 1.0
    assert list(law.y) == sorted(law.y, reverse=True)  # type: ignore[type-var]
    overloaded = shown(LatencyCurve(), *history(4)).picture(100 * S)
    assert overloaded is not None
    assert len(overloaded.curves) == 1


def test_a_run_in_which_nothing_happened_has_no_figures() -> None:
    assert [plot().picture(100 * S) for plot in PLOTS] == [None] * len(PLOTS)
