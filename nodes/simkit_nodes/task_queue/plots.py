"""The queue's own figures: who held which task when, how deep each priority was, attempts, and latency beside theory.

What metrics show by themselves (leases in flight, the depth of the whole queue) is not drawn a second time.

They deliberately look at emitted events alone, as checks do.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

from simkit.laws import erlang
from simkit.plot import Curve, Lane, Picture, Plot, Span, Tone, sees
from simkit_nodes.task_queue.events import (
    BrokerRecovered,
    EffectApplied,
    EffectRefused,
    ResultRefused,
    TaskDead,
    TaskFailed,
    TaskLeased,
    TaskOffered,
    TaskPromoted,
    TaskRecovered,
    TaskRedelivered,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    WorkerStarted,
)

SECOND = 1_000_000_000
WINDOW_NS = 240 * SECOND
"""The longest time that is drawn span by span."""

QUIET_NS = 60 * SECOND
MARGIN_NS = 15 * SECOND
POINTS = 240


@dataclass
class _Held:
    """One attempt: from the lease on, until a worker says what came of it, or is heard of no more."""

    task: str
    worker: str
    attempt: int
    begin_ns: int
    end_ns: int | None = None
    expired_ns: int | None = None
    dots: list[tuple[int, Tone]] = field(default_factory=list)

    def span(self, end_ns: int) -> Span:
        """Return the attempt as it is drawn; what comes after the lease had expired is another's business."""
        tone: Tone = "first" if self.attempt == 1 else "second"
        last_ns = end_ns if self.end_ns is None else self.end_ns
        if self.expired_ns is None or self.expired_ns >= last_ns:
            parts: tuple[tuple[int, int, Tone], ...] = ((self.begin_ns, last_ns, tone),)
        else:
            parts = ((self.begin_ns, self.expired_ns, tone), (self.expired_ns, last_ns, "alarm"))
        return Span(parts=parts, dots=tuple(self.dots), text=self.task)


class Gantt(Plot):
    """Who held which task when, around the first lease that expired."""

    name = "worker_gantt"
    title = "Who held which task"

    def __init__(self) -> None:
        self._held: list[_Held] = []
        self._open: dict[tuple[str, str, int], _Held] = {}
        self._workers: dict[str, None] = {}
        self._gone: dict[tuple[str, str, int], _Held] = {}
        self._applied: set[str] = set()
        self._newest: dict[str, int] = {}
        self._first: _Held | None = None

    @sees(WorkerStarted)
    def _start(self, time_ns: int, host: str, event: WorkerStarted) -> None:
        self._workers.setdefault(host)
        for key in [key for key, held in self._open.items() if held.worker == host]:
            gone = self._gone[key] = self._open.pop(key)  # the process that held it is no more, its lease still runs
            gone.end_ns = time_ns if gone.expired_ns is None else gone.expired_ns

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        held = _Held(event.task, event.worker, event.attempt, time_ns)
        self._held.append(held)
        self._open[event.task, event.worker, event.attempt] = held

    @sees(TaskRedelivered)
    def _expire(self, time_ns: int, host: str, event: TaskRedelivered) -> None:
        key = event.task, event.worker, event.attempt
        held = self._open.get(key)
        if held is not None:
            held.expired_ns = time_ns
        self._first = self._first or held or self._gone.get(key)

    @sees(EffectApplied)
    def _apply(self, time_ns: int, host: str, event: EffectApplied) -> None:
        held = self._open.get((event.task, event.worker, event.attempt))
        if held is not None:
            late = event.key in self._applied or event.attempt < self._newest.get(event.task, 0)
            held.dots.append((time_ns, "alarm" if late else "first"))
            held.end_ns = max(time_ns, held.end_ns or 0)
        self._applied.add(event.key)
        self._newest[event.task] = max(event.attempt, self._newest.get(event.task, 0))

    @sees(EffectRefused)
    def _refuse(self, time_ns: int, host: str, event: EffectRefused) -> None:
        held = self._open.get((event.task, event.worker, event.attempt))
        if held is not None:
            held.end_ns = max(time_ns, held.end_ns or 0)

    @sees(TaskSucceeded, TaskFailed, TaskRetried, TaskDead, TaskReleased)
    def _end(self, time_ns: int, host: str, event: TaskSucceeded) -> None:
        held = self._open.pop((event.task, event.worker, event.attempt), None)
        if held is not None:
            held.end_ns = time_ns

    @sees(ResultRefused)
    def _late(self, time_ns: int, host: str, event: ResultRefused) -> None:
        for key in [key for key in self._open if key[:2] == (event.task, event.worker)]:
            self._open.pop(key).end_ns = time_ns

    def picture(self, end_ns: int) -> Picture | None:
        if not self._held:
            return None
        begin_ns, until_ns = self._window(end_ns)
        lanes: dict[str, list[Span]] = {name: [] for name in self._workers}
        for held in self._held:
            if held.begin_ns < until_ns and (end_ns if held.end_ns is None else held.end_ns) > begin_ns:
                lanes.setdefault(held.worker, []).append(held.span(end_ns))
        ordered = sorted(lanes.items(), key=lambda lane: (len(lane[0]), lane[0]))
        return Picture(
            name=self.name,
            title=self.title,
            over_time=True,
            window_ns=(begin_ns, until_ns),
            lanes=tuple(Lane(label=name, host=name, spans=tuple(spans)) for name, spans in ordered),
            tones={"first": "first attempt", "second": "later attempt", "alarm": "after its lease expired"},
            note="A dot: an effect took place; a cross: it took place again or over a newer one. Shaded: paused, down.",
        )

    def _window(self, end_ns: int) -> tuple[int, int]:
        if self._first is None:
            return 0, min(end_ns, QUIET_NS)
        last_ns = max((held.end_ns or 0 for held in self._held if held.task == self._first.task), default=0)
        begin_ns = max(0, self._first.begin_ns - MARGIN_NS)
        return begin_ns, min(end_ns, begin_ns + WINDOW_NS, last_ns + MARGIN_NS)


class DepthByPriority(Plot):
    """How many tasks of each priority are ready to be leased."""

    name = "depth_by_priority"
    title = "Tasks ready, by priority: the most in each moment drawn"

    def __init__(self) -> None:
        self._priority: dict[str, int] = {}
        self._ready: dict[str, None] = {}
        self._recovered: dict[str, None] = {}
        self._depth: Counter[int] = Counter()
        self._changes: dict[int, list[tuple[int, int]]] = {}

    def _move(self, time_ns: int, task: str, ready: bool) -> None:
        if ready == (task in self._ready):
            return
        if ready:
            self._ready[task] = None
        else:
            del self._ready[task]
        priority = self._priority.get(task, 0)
        self._depth[priority] += 1 if ready else -1
        self._changes.setdefault(priority, []).append((time_ns, self._depth[priority]))

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        self._priority[event.task] = event.priority
        self._changes.setdefault(event.priority, [])
        self._move(time_ns, event.task, event.due_ns == 0)

    @sees(TaskPromoted, TaskRedelivered, TaskReleased)
    def _back(self, time_ns: int, host: str, event: TaskPromoted) -> None:
        self._move(time_ns, event.task, True)

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        self._move(time_ns, event.task, False)

    @sees(TaskRecovered)
    def _recover(self, time_ns: int, host: str, event: TaskRecovered) -> None:
        if event.state == "ready":
            self._recovered[event.task] = None

    @sees(BrokerRecovered)
    def _recovery(self, time_ns: int, host: str, event: BrokerRecovered) -> None:
        for task in [task for task in self._ready if task not in self._recovered]:
            self._move(time_ns, task, False)
        for task in self._recovered:
            self._move(time_ns, task, True)
        self._recovered.clear()

    def picture(self, end_ns: int) -> Picture | None:
        if not any(self._changes.values()):
            return None
        edges = [end_ns * place // POINTS for place in range(POINTS)]
        curves = [
            Curve(
                label=f"priority {priority}",
                x=tuple(map(float, edges)),
                y=tuple(map(float, _highest(changes, edges, end_ns))),
                style="steps",
            )
            for priority, changes in sorted(self._changes.items())
        ]
        return Picture(name=self.name, title=self.title, y_label="tasks", over_time=True, curves=tuple(curves))


def _highest(changes: list[tuple[int, int]], edges: list[int], end_ns: int) -> list[int]:
    """Return the highest value in each stretch between edges, of a value that changes at (time, new value)."""
    found = []
    for begin_ns, until_ns in zip(edges, [*edges[1:], end_ns], strict=True):
        place = bisect_right(changes, (begin_ns, 1 << 62))
        highest = changes[place - 1][1] if place else 0
        while place < len(changes) and changes[place][0] < until_ns:
            highest = max(highest, changes[place][1])
            place += 1
        found.append(highest)
    return found


class Attempts(Plot):
    """How many attempts the tasks took that have ended."""

    name = "attempts"
    title = "Attempts of tasks that have ended"

    def __init__(self) -> None:
        self._attempts: Counter[int] = Counter()

    @sees(TaskSucceeded, TaskFailed, TaskDead)
    def _end(self, time_ns: int, host: str, event: TaskSucceeded) -> None:
        self._attempts[event.attempt] += 1

    def picture(self, end_ns: int) -> Picture | None:
        if not self._attempts:
            return None
        bars = tuple((str(attempt), float(count)) for attempt, count in sorted(self._attempts.items()))
        return Picture(name=self.name, title=self.title, x_label="attempts", y_label="tasks", bars=bars)


class LatencyCurve(Plot):
    """Latency of tasks beside that of the textbook's queue with the same load, M/M/c."""

    name = "latency_curve"
    title = "Share of tasks that took longer"

    def __init__(self) -> None:
        self._latencies_ns: list[int] = []
        self._services_ns = 0
        self._offered: list[int] = []
        self._slots: dict[str, int] = {}

    @sees(WorkerStarted)
    def _start(self, time_ns: int, host: str, event: WorkerStarted) -> None:
        self._slots[host] = event.slots

    @sees(TaskOffered)
    def _offer(self, time_ns: int, host: str, event: TaskOffered) -> None:
        self._offered.append(time_ns)
        self._services_ns += event.service_ns

    @sees(TaskSucceeded)
    def _succeed(self, time_ns: int, host: str, event: TaskSucceeded) -> None:
        self._latencies_ns.append(event.latency_ns)

    def picture(self, end_ns: int) -> Picture | None:
        count = len(self._latencies_ns)
        if count < 20:
            return None
        ordered = sorted(self._latencies_ns)
        # The last ones one by one: they are what a tail is about.
        ranks = sorted({place * count // POINTS for place in range(POINTS)} | set(range(max(0, count - 60), count)))
        seconds = tuple(ordered[rank] / SECOND for rank in ranks)
        # The share that took at least so long: the longest one is one of `count`, and a logarithm can show it.
        run = Curve(label="this run", x=seconds, y=tuple(1 - rank / count for rank in ranks), style="steps")
        law = self._law(max(ordered[-1] / SECOND, 1e-3), 1 / count)
        return Picture(
            name=self.name,
            title=self.title,
            x_label="latency, s",
            y_label="share of tasks",
            logarithmic="y",
            curves=(run, law) if law else (run,),
            note="Dashed: Poisson arrivals and exponential service with this run's means, and no faults.",
        )

    def _law(self, longest_s: float, least: float) -> Curve | None:
        """Return the closed form, None where its queue would grow without end."""
        servers, service_s = sum(self._slots.values()), self._services_ns / len(self._offered) / SECOND
        span_s = (self._offered[-1] - self._offered[0]) / SECOND
        if not servers or service_s <= 0 or span_s <= 0:
            return None
        arrivals_per_s = len(self._offered) / span_s
        if arrivals_per_s * service_s >= servers:
            return None
        points = []
        for place in range(POINTS):
            response_s = longest_s * place / (POINTS - 1)
            share = erlang.response_survival(
                response_s, servers=servers, arrivals_per_s=arrivals_per_s, service_s=service_s
            )
            if share < least:
                break
            points.append((round(response_s, 6), float(f"{share:.6g}")))
        label = f"M/M/{servers}"
        return Curve(label=label, x=tuple(x for x, _ in points), y=tuple(y for _, y in points), tone="faint")


PLOTS: tuple[type[Plot], ...] = (Gantt, DepthByPriority, Attempts, LatencyCurve)
