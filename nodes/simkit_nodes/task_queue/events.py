"""What the hosts of the queue make seen. Checks, triggers, stories and the report read these and nothing else.

The broker speaks for the queue: its events are emitted when the reply that tells them may leave, so that under
`fsync: always` a power cut cannot take back what an event has said. They are not a log for operators: that is
`self.log`.

Times inside events are the broker's clock in nanoseconds since the Unix epoch; lengths of time are nanoseconds.
"""

from __future__ import annotations

from simkit.node import Event


class TaskOffered(Event, frozen=True, tag="task.offered"):
    """A task has arrived at a client, which is about to send it."""

    task: str
    priority: int
    service_ns: int
    """How long it will keep its slot."""


class TaskAcknowledged(Event, frozen=True, tag="task.acknowledged"):
    """A client has the broker's word that its task is in the queue."""

    task: str
    priority: int
    attempts: int
    """How often the client had to send it."""


class TaskRefused(Event, frozen=True, tag="task.refused"):
    """A client was told that its task is not taken, and why."""

    task: str
    reason: str


class TaskSubmitted(Event, frozen=True, tag="task.submitted"):
    """The broker has stored a task it did not know."""

    task: str
    priority: int
    attempts_max: int
    due_ns: int
    """When it may first start, 0 for at once."""


class TaskLeased(Event, frozen=True, tag="task.leased"):
    """The broker has handed a task to a worker until the deadline, or for good with `ack: early`."""

    task: str
    worker: str
    attempt: int
    token: int
    priority: int
    waited_ns: int
    now_ns: int
    deadline_ns: int
    early: bool


class LeaseExtended(Event, frozen=True, tag="lease.extended"):
    """A heartbeat has moved the deadline of a lease."""

    task: str
    worker: str
    token: int
    now_ns: int
    deadline_ns: int


class LeaseLost(Event, frozen=True, tag="lease.lost"):
    """A worker has noticed that a task it still works on is no longer its own."""

    task: str
    token: int


class TaskRedelivered(Event, frozen=True, tag="task.redelivered"):
    """The sweeper has found a lease past its deadline and put the task back into the queue."""

    task: str
    worker: str
    attempt: int
    token: int
    now_ns: int
    deadline_ns: int


class TaskReleased(Event, frozen=True, tag="task.released"):
    """A worker has given back a task it never started."""

    task: str
    worker: str
    attempt: int


class TaskPromoted(Event, frozen=True, tag="task.promoted"):
    """A delayed task has become due and moved to the ready list."""

    task: str
    attempt: int
    now_ns: int
    due_ns: int


class TaskSucceeded(Event, frozen=True, tag="task.succeeded"):
    """The broker has stored the result of a task."""

    task: str
    worker: str
    attempt: int
    token: int
    latency_ns: int


class TaskFailed(Event, frozen=True, tag="task.failed"):
    """The broker has stored that a task failed for good."""

    task: str
    worker: str
    attempt: int
    token: int
    reason: str


class TaskRetried(Event, frozen=True, tag="task.retried"):
    """An attempt failed and the next one is due after a delay."""

    task: str
    worker: str
    attempt: int
    delay_ns: int
    due_ns: int
    reason: str


class RetryPlanned(Event, frozen=True, tag="retry.planned"):
    """A worker has chosen when a failed task is tried again, within the bounds of its policy."""

    task: str
    attempt: int
    delay_ns: int
    lower_ns: int
    upper_ns: int


class TaskDead(Event, frozen=True, tag="task.dead"):
    """A task has become a dead letter."""

    task: str
    worker: str
    attempt: int
    reason: str


class TaskRedriven(Event, frozen=True, tag="task.redriven"):
    """A dead letter has been given a new life with all its attempts."""

    task: str


class ResultRefused(Event, frozen=True, tag="result.refused"):
    """The broker did not take a worker's word about a task: the lease is another's, or a terminal state stands."""

    task: str
    worker: str
    token: int
    reason: str
    """stale, already or unknown."""


class BrokerRecovered(Event, frozen=True, tag="broker.recovered"):
    """A broker has started and replayed its append-only file; a `task.recovered` for each task it found came before."""

    commands: int
    kept_bytes: int
    truncated_bytes: int
    tasks: int


class TaskRecovered(Event, frozen=True, tag="task.recovered"):
    """A restarted broker has found this task in its append-only file, in this state."""

    task: str
    state: str


class QueueCounted(Event, frozen=True, tag="queue.counted"):
    """The broker's books after a sweep: what was ever submitted and ended, and where the rest is now."""

    submitted: int
    success: int
    failure: int
    dead: int
    ready: int
    delayed: int
    leased: int
    taken: int
    """Handed out with `ack: early`: in no place of the queue any more."""


class WorkerStarted(Event, frozen=True, tag="worker.started"):
    """A worker process has begun; whatever an earlier one held in memory is gone."""

    slots: int


class EffectApplied(Event, frozen=True, tag="effect.applied"):
    """An effect took place in the outside world."""

    key: str
    task: str
    worker: str
    attempt: int
    token: int
    """0 when the worker sends none."""


class EffectRefused(Event, frozen=True, tag="effect.refused"):
    """An effect was turned away: a newer lease has been seen (stale), or it already took place (duplicate)."""

    key: str
    task: str
    worker: str
    attempt: int
    token: int
    reason: str


EVENTS: tuple[type[Event], ...] = (
    TaskOffered,
    TaskAcknowledged,
    TaskRefused,
    TaskSubmitted,
    TaskLeased,
    LeaseExtended,
    LeaseLost,
    TaskRedelivered,
    TaskReleased,
    TaskPromoted,
    TaskSucceeded,
    TaskFailed,
    TaskRetried,
    RetryPlanned,
    TaskDead,
    TaskRedriven,
    ResultRefused,
    BrokerRecovered,
    TaskRecovered,
    QueueCounted,
    WorkerStarted,
    EffectApplied,
    EffectRefused,
)
