"""Every check holds on a good history and fails on the bad one it is there for; its violation tells the story."""

from collections.abc import Callable

import pytest

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.task_queue.card import card
from simkit_nodes.task_queue.checks import (
    Accounting,
    AttemptsBounded,
    BackoffRespected,
    EffectComplete,
    EffectOnce,
    EffectOrder,
    EtaNotEarly,
    FifoWithinPriority,
    LeaseExclusive,
    NoAckedTaskLost,
    PriorityOrder,
    QueueDrained,
    TerminalStateUnique,
)
from simkit_nodes.task_queue.checks.stories import describe
from simkit_nodes.task_queue.events import (
    EVENTS,
    BrokerRecovered,
    EffectApplied,
    EffectRefused,
    LeaseExtended,
    QueueCounted,
    RetryPlanned,
    TaskAcknowledged,
    TaskDead,
    TaskLeased,
    TaskPromoted,
    TaskRecovered,
    TaskRedelivered,
    TaskRedriven,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    WorkerStarted,
)

S = 10**9


class History:
    """Feeds events to a check, one second apart unless told otherwise."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.now_ns = 0

    def __call__(self, *events: Event, host: str = "broker") -> "History":
        for event in events:
            self.now_ns += S
            for see in self.check.sights(type(event)):
                see(self.now_ns, host, event)
        return self

    def later(self, seconds: float) -> "History":
        self.now_ns += round(seconds * S)
        return self

    def end(self) -> Check:
        self.check.conclude(self.now_ns)
        return self.check


def submitted(task: str = "t", priority: int = 5, attempts: int = 3, due_ns: int = 0) -> TaskSubmitted:
    return TaskSubmitted(task, priority, attempts, due_ns)


def acknowledged(task: str = "t") -> TaskAcknowledged:
    return TaskAcknowledged(task, 5, 1)


def leased(
    task: str = "t",
    worker: str = "w1",
    attempt: int = 1,
    token: int = 1,
    *,
    at: float = 0,
    lease: float = 60,
    priority: int = 5,
    early: bool = False,
) -> TaskLeased:
    return TaskLeased(task, worker, attempt, token, priority, 0, round(at * S), round((at + lease) * S), early)


def redelivered(task: str = "t", token: int = 1, *, at: float = 61, deadline: float = 60) -> TaskRedelivered:
    return TaskRedelivered(task, "w1", 1, token, round(at * S), round(deadline * S))


def succeeded(task: str = "t", worker: str = "w1", token: int = 1) -> TaskSucceeded:
    return TaskSucceeded(task, worker, 1, token, S)


def written(attempt: int, task: str = "t") -> EffectApplied:
    return EffectApplied(f"{task}/{attempt}", task, f"w{attempt}", attempt, attempt)


def applied(task: str = "t", worker: str = "w1", attempt: int = 1) -> EffectApplied:
    return EffectApplied(task, task, worker, attempt, 0)


def counted(submitted: int, success: int = 0, ready: int = 0, leased: int = 0) -> QueueCounted:
    return QueueCounted(submitted, success, 0, 0, ready, 0, leased, 0)


def recovered(*found: tuple[str, str]) -> list[Event]:
    return [*[TaskRecovered(task, state) for task, state in found], BrokerRecovered(len(found), 100, 0, len(found))]


Story = Callable[[History], object]

GOOD: list[tuple[type[Check], Story]] = [
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(), succeeded())),
    (NoAckedTaskLost, lambda h: h(submitted(), leased(), succeeded(), acknowledged())),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), *recovered(("t", "ready")))),
    (NoAckedTaskLost, lambda h: h(submitted(), *recovered())),
    (NoAckedTaskLost, lambda h: h(submitted(), *recovered(), submitted(), acknowledged())),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(), succeeded(), *recovered())),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(), *recovered(("t", "success")), *recovered())),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(), WorkerStarted(1)).later(999)),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(early=True), succeeded()).later(999)),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(early=True))),
    (TerminalStateUnique, lambda h: h(submitted(), succeeded(), submitted("u"), succeeded("u"))),
    (TerminalStateUnique, lambda h: h(TaskDead("t", "w1", 3, "x"), TaskRedriven("t"), succeeded())),
    (LeaseExclusive, lambda h: h(leased(at=0), redelivered(at=61), leased(worker="w2", token=2, at=62))),
    (LeaseExclusive, lambda h: h(leased(at=0), succeeded(), leased("u", at=1))),
    (LeaseExclusive, lambda h: h(leased(at=0), TaskReleased("t", "w1", 1), leased(worker="w2", token=2, at=1))),
    (LeaseExclusive, lambda h: h(leased(at=0), TaskRetried("t", "w1", 1, S, S, "x"), leased(token=2, at=2))),
    (EffectComplete, lambda h: h(leased(), applied(), succeeded(), leased("u"))),
    (EffectOnce, lambda h: h(applied(), EffectRefused("t", "t", "w2", 2, 2, "duplicate"), applied("u"))),
    (EffectOrder, lambda h: h(written(1), written(2), written(3, "u"), written(1, "v"))),
    (EffectOrder, lambda h: h(applied(attempt=2), applied(attempt=1))),  # one key twice: for effect_once
    (AttemptsBounded, lambda h: h(submitted(attempts=2), leased(attempt=1), leased(attempt=2))),
    (
        BackoffRespected,
        lambda h: h(RetryPlanned("t", 1, 5 * S, 5 * S, 9 * S), TaskRetried("t", "w1", 1, 5 * S, 8 * S, "x")),
    ),
    (BackoffRespected, lambda h: h(TaskRetried("t", "w1", 1, 5 * S, 8 * S, "x"), leased(at=8))),
    (EtaNotEarly, lambda h: h(submitted(due_ns=8 * S), leased(at=8))),
    (FifoWithinPriority, lambda h: h(submitted("a"), submitted("b"), leased("a"), leased("b"))),
    (FifoWithinPriority, lambda h: h(submitted("a"), submitted("b", priority=1), leased("b", priority=1), leased("a"))),
    (
        FifoWithinPriority,
        lambda h: h(submitted("a", due_ns=5), submitted("b"), leased("b"), TaskPromoted("a", 0, 6, 5), leased("a")),
    ),
    (
        PriorityOrder,
        lambda h: h(submitted("a", 1), submitted("b", 0), leased("b", priority=0), leased("a", priority=1)),
    ),
    (PriorityOrder, lambda h: h(submitted("a", 1), submitted("b", 0, due_ns=9), leased("a", priority=1))),
    (Accounting, lambda h: h(counted(3, success=1, ready=1, leased=1))),
]

BAD: list[tuple[type[Check], Story, str]] = [
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), *recovered()), "not in the broker's file"),
    (NoAckedTaskLost, lambda h: h(submitted(), *recovered(), acknowledged()), "before its acknowledgement"),
    (NoAckedTaskLost, lambda h: h(submitted(), acknowledged(), leased(early=True)).later(999), "never ended it"),
    (
        TerminalStateUnique,
        lambda h: h(submitted(), succeeded(), TaskDead("t", "w2", 3, "x")),
        "success and then as dead",
    ),
    (TerminalStateUnique, lambda h: h(submitted(), succeeded(), succeeded(worker="w2")), "ended as success twice"),
    (LeaseExclusive, lambda h: h(leased(at=0), leased(worker="w2", token=2, at=59)), "still held it for 1.000 s"),
    (
        LeaseExclusive,
        lambda h: h(leased(at=0), LeaseExtended("t", "w1", 1, 50 * S, 110 * S), leased(worker="w2", token=2, at=70)),
        "still held it for 40.000 s",
    ),
    (LeaseExclusive, lambda h: h(leased(at=0), redelivered(at=30)), "before its deadline"),
    (EffectComplete, lambda h: h(leased(), applied("u"), succeeded()), "its effect never took place"),
    (
        EffectComplete,
        lambda h: h(applied(), EffectRefused("t/2", "t", "w2", 2, 2, "duplicate"), succeeded()),
        "attempt 2 was turned away, though no newer effect stands",
    ),
    (EffectOnce, lambda h: h(leased(), applied(), redelivered(), applied(worker="w2", attempt=2)), "took effect twice"),
    (EffectOrder, lambda h: h(written(2), written(1)), "what attempt 2 wrote is overwritten by attempt 1"),
    (EffectOrder, lambda h: h(written(1), written(3), written(2)), "what attempt 3 wrote is overwritten by attempt 2"),
    (AttemptsBounded, lambda h: h(submitted(attempts=2), leased(attempt=3)), "2 are allowed"),
    (
        BackoffRespected,
        lambda h: h(RetryPlanned("t", 1, 5 * S, 5 * S, 9 * S), TaskRetried("t", "w1", 1, 4 * S, 8 * S, "x")),
        "the policy says",
    ),
    (
        BackoffRespected,
        lambda h: h(RetryPlanned("t", 1, 5 * S, 5 * S, 9 * S), TaskRetried("t", "w1", 1, 10 * S, 8 * S, "x")),
        "the policy says",
    ),
    (BackoffRespected, lambda h: h(TaskRetried("t", "w1", 1, 5 * S, 8 * S, "x"), leased(at=7.5)), "0.500000 s before"),
    (EtaNotEarly, lambda h: h(submitted(due_ns=8 * S), leased(at=7)), "1.000000 s before its time"),
    (FifoWithinPriority, lambda h: h(submitted("a"), submitted("b"), leased("b")), "before a"),
    (
        PriorityOrder,
        lambda h: h(submitted("a", 3), submitted("b", 1), leased("a", priority=3)),
        "before b of priority 1",
    ),
    (PriorityOrder, lambda h: h(submitted("b", 1), *recovered(("b", "ready")), leased("a", priority=3)), "before b"),
    (Accounting, lambda h: h(counted(3, success=1, ready=1)), "1 ended and 1 are pending"),
    (Accounting, lambda h: h(counted(1, success=1, ready=1)), "1 ended and 1 are pending"),
]


@pytest.mark.parametrize(("kind", "story"), GOOD)
def test_a_good_history_passes(kind: type[Check], story: Story) -> None:
    history = History(kind())
    story(history)
    check = history.end()
    assert check.violations == []
    assert check.holds
    assert check.summary()


@pytest.mark.parametrize(("kind", "story", "said"), BAD)
def test_a_bad_history_is_found_and_told(kind: type[Check], story: Story, said: str) -> None:
    history = History(kind())
    story(history)
    check = history.end()
    assert check.violations_total == 1
    (violation,) = check.violations
    assert said in violation.text
    assert 0 < violation.time_ns <= history.now_ns
    assert list(violation.story) == sorted(violation.story, key=lambda step: step.time_ns)


def test_every_check_but_the_goal_has_been_shown_to_pass_and_to_fail() -> None:
    kinds = set(card.checks.values()) - {QueueDrained}
    assert {kind for kind, _ in GOOD} == kinds
    assert {kind for kind, _, _ in BAD} == kinds


def test_what_an_early_worker_held_is_lost_when_it_starts_anew() -> None:
    history = History(NoAckedTaskLost())
    history(submitted(), acknowledged(), leased(early=True))
    history(WorkerStarted(4), host="w2")
    assert history.check.holds
    history(WorkerStarted(4), host="w1")
    assert history.check.violations[0].host == "w1"
    assert "has started anew" in history.check.violations[0].text
    assert history.end().violations_total == 1


def test_a_loss_tells_the_life_of_the_task() -> None:
    history = History(NoAckedTaskLost())
    history(submitted(), acknowledged(), leased(), *recovered())
    story = [step.text for step in history.check.violations[0].story]
    assert story[0].startswith("task t stored")
    assert story[-1] == "task t is not in the broker's file after a restart"


def test_the_queue_is_drained_when_nobody_waits() -> None:
    history = History(QueueDrained())
    assert history.check.holds
    history(submitted("a"), submitted("b"))
    assert not history.check.holds
    assert "2 tasks wait, the oldest a" in history.check.summary()
    history(leased("a"), leased("b"))
    assert history.check.holds
    history(redelivered("a"))
    assert not history.check.holds
    history(leased("a", token=2), succeeded("a"), succeeded("b"))
    assert history.check.holds


def test_a_lease_that_nobody_takes_back_keeps_the_queue_from_being_drained() -> None:
    history = History(QueueDrained())
    history(submitted("a"), leased("a")).later(64)(WorkerStarted(1))
    assert history.check.holds
    history.later(2)(WorkerStarted(1))
    assert not history.check.holds
    assert "past their deadline, the first of task a" in history.check.summary()
    history(LeaseExtended("a", "w1", 1, 0, 60 * S))
    assert history.check.holds


def test_a_queue_that_is_not_drained_tells_of_the_task_in_its_way() -> None:
    history = History(QueueDrained())
    assert history.check.unmet() is None
    history(submitted("a"), leased("a"), submitted("b")).later(66)(WorkerStarted(1))
    waiting = history.check.unmet()
    assert waiting is not None
    assert waiting.text == "task b has been waiting for 67 s"
    history(leased("b"), succeeded("b"))
    overdue = history.check.unmet()
    assert overdue is not None
    assert overdue.text == "the lease of a is over, and until the end of the run nobody takes the task back"
    assert overdue.time_ns == 62 * S
    assert [step.text.split(",")[0] for step in overdue.story[:2]] == ["task a stored", "lease 1 of a to w1"]
    assert overdue.story[-1].text == overdue.text


def test_tasks_that_are_delayed_or_handed_out_for_good_do_not_wait() -> None:
    history = History(QueueDrained())
    history(submitted("a", due_ns=99), submitted("b"), leased("b", early=True)).later(9999)(WorkerStarted(1))
    assert history.check.holds
    history(TaskPromoted("a", 0, 99, 99))
    assert not history.check.holds


def test_a_restarted_broker_is_believed_about_who_waits() -> None:
    history = History(QueueDrained())
    history(submitted("a"), submitted("b"), *recovered(("b", "ready"), ("c", "success")))
    assert "1 tasks wait, the oldest b" in history.check.summary()


def test_violations_are_counted_beyond_those_that_are_kept() -> None:
    history = History(EffectOnce())
    for number in range(100):
        history(applied(f"t{number}"), applied(f"t{number}"))
    assert history.check.violations_total == 100
    assert len(history.check.violations) < 100


def test_every_event_about_a_task_can_be_told() -> None:
    values = {"int": 1, "str": "x", "bool": False}
    for kind in EVENTS:
        fields = {name: values[str(kind.__annotations__[name])] for name in kind.__struct_fields__}
        event = kind(**fields)
        if hasattr(event, "task") and kind.__name__ != "TaskRefused":
            assert describe(event) != kind.__name__, kind


def test_the_card_names_real_checks_scenarios_and_metrics() -> None:
    assert all(switch.check in card.checks for switch in card.switches)
    assert {event.__struct_config__.tag for event in card.events} == {event.__struct_config__.tag for event in EVENTS}
    assert len({event.__struct_config__.tag for event in EVENTS}) == len(EVENTS)


def blank(kind: type[Event]) -> Event:
    """An event of which only the kind matters."""
    empty = {"str": "x", "int": 0, "bool": False}
    return kind(**{name: empty[str(hint)] for name, hint in kind.__annotations__.items()})


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if "task" in kind.__struct_fields__])
def test_every_event_of_a_task_is_told_in_words_of_its_own(kind: type[Event]) -> None:
    assert describe(blank(kind)) != kind.__name__


def test_of_several_checks_the_first_remembers_for_all() -> None:
    checks = [NoAckedTaskLost(), TerminalStateUnique(), EffectOnce()]
    for check in checks:
        check.meet(checks)
    events = [
        TaskSubmitted(task="a", priority=5, attempts_max=1, due_ns=0),
        EffectApplied(task="a", key="a", worker="w1", attempt=1, token=0),
        EffectApplied(task="a", key="a", worker="w2", attempt=2, token=0),
    ]
    for time_ns, event in enumerate(events):
        for check in checks:
            for see in check.sights(type(event)):
                see(time_ns, "broker", event)
    assert [step.time_ns for step in checks[-1].violations[0].story] == [0, 1, 2]
    assert checks[1].sights(TaskSubmitted) == ()
