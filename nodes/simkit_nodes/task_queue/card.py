"""The card of the distributed task queue: what it is made of and what it claims.

The language, the audit and the system's page read this; there is no code of its own.
"""

from __future__ import annotations

from dataclasses import replace
from math import expm1

from simkit.card import Card, Control, Exercise, Figure, Metric, Role, Switch, law, law_of_class
from simkit.laws import erlang, priorities, restart
from simkit_nodes.task_queue import checks, ideal
from simkit_nodes.task_queue.broker import Broker
from simkit_nodes.task_queue.client import Client
from simkit_nodes.task_queue.config import BrokerConfig, ClientConfig, EffectsConfig, TaskLoad, WorkerConfig
from simkit_nodes.task_queue.effects import Effects
from simkit_nodes.task_queue.events import EVENTS, TaskLeased, TaskOffered, TaskSucceeded, WorkerStarted
from simkit_nodes.task_queue.plots import PLOTS
from simkit_nodes.task_queue.scripts import DIGESTS
from simkit_nodes.task_queue.worker import Worker

ERLANG = "A. K. Erlang, Solution of some problems in the theory of probabilities (1917), delay formula"
COBHAM = "A. Cobham, Priority Assignment in Waiting Line Problems, Operations Research 2 (1954)"
KULKARNI = "V. G. Kulkarni, V. F. Nicola, K. S. Trivedi, The Completion Time of a Job on Multimode Systems (1987)"
MEAN_WAIT = law(erlang.mean_wait_s, servers=8, arrivals_per_s=7, service_s=1)
WAITING = law(erlang.waiting_probability, servers=8, load_erlangs=7)
# The best slopes, covariance over variance, follow from the law: with f lost attempts and b seconds of work of a task,
# cov(f, f - v b) / var(f - v b) = v d / (1 - e^{-v d}), and b = (f - (f - v b)) / v; the whole time is b + R f.
FAILURES_SLOPE = 0.6 / -expm1(-0.6)
FAILURES = Control(
    ideal.excess_failures,
    {"failures_per_s": 0.02},
    (TaskLeased, TaskSucceeded, WorkerStarted),
    expected=0.0,
    slope=FAILURES_SLOPE,
)
CHECKS = tuple(getattr(checks, name) for name in checks.__all__)


def _wait_of_priority(number: int, priority: int) -> Figure:
    published = law_of_class(number, priorities.mean_waits_s, servers=8, arrivals_per_s=(2, 3, 2), service_s=1)
    return Figure(
        f"mean wait of priority {priority}, M/M/8",
        COBHAM,
        published,
        f"task.wait mean in steady where priority={priority}",
        0.05,
        "task_queue/priorities",
        unit="s",
        seeds=50,
        control=Control(ideal.mean_wait_s, {"servers": 8, "priority": priority}, (TaskOffered,), published),
    )


card = Card(
    name="task_queue",
    title="Distributed task queue: at-least-once delivery by leases over a Redis broker",
    roles={
        "broker": Role(Broker, "Redis protocol, append-only file, sweeper", BrokerConfig),
        "worker": Role(Worker, "leases tasks, runs them in slots, acknowledges", WorkerConfig),
        "client": Role(Client, "enqueues tasks through redis.asyncio", ClientConfig, takes_load=True),
        "effects": Role(Effects, "the outside world: records what took effect", EffectsConfig),
    },
    load=TaskLoad,
    checks={check.name: check for check in CHECKS},
    plots=PLOTS,
    exercises={
        "fence": Exercise(
            "effects", "fence_class", {"remember": None, "refusal": str}, "says which effects must not take place"
        ),
    },
    words={digest: name for name, digest in DIGESTS.items()},
    events=EVENTS,
    metrics={
        "task.latency": Metric("histogram", "from stored to success, on the broker's clock", "s"),
        "task.wait": Metric("histogram", "from ready to leased, on the broker's clock, by priority", "s"),
        "tasks.leased": Metric("counter", "leases given out"),
        "tasks.waited": Metric("counter", "leases of tasks that did not find a free worker (`at_once` of the broker)"),
        "task.attempts": Metric("histogram", "attempts of a task that has ended", "attempts"),
        "queue.depth": Metric("gauge", "tasks ready to be leased", "tasks"),
        "queue.delayed": Metric("gauge", "tasks that wait for their time", "tasks"),
        "queue.dead": Metric("gauge", "dead letters", "tasks"),
        "leases.in_flight": Metric("gauge", "tasks leased to workers", "leases"),
        "client.pending": Metric("gauge", "tasks a client has not got acknowledged", "tasks"),
        "result.latency": Metric("histogram", "from acknowledged to result seen by the client", "s"),
    },
    switches=(
        Switch(
            "config.worker.ack: early",
            "a task stays in the queue until its work is done",
            "no_acked_task_lost",
            "task_queue/worker_crashes",
            "ack_early",
        ),
        Switch(
            "config.worker.lease_token: false",
            "a fencing token tells a slow worker that its lease is another's",
            "effect_once",
            "task_queue/slow_is_not_dead",
            "no_token",
        ),
        Switch(
            "config.broker.sweeper: false",
            "the sweeper takes back what dead workers held",
            "queue_drained",
            "task_queue/worker_crashes",
            "no_sweeper",
        ),
        Switch(
            "config.broker.fsync: never",
            "a reply leaves only when its write is on the disk",
            "no_acked_task_lost",
            "task_queue/broker_power_cut",
            "no_fsync",
        ),
    ),
    figures=(
        Figure(
            "mean wait, M/M/8",
            ERLANG,
            MEAN_WAIT,
            "task.wait mean in steady",
            0.04,
            "task_queue/erlang",
            unit="s",
            seeds=50,
            items=200_000,
            control=Control(ideal.mean_wait_s, {"servers": 8}, (TaskOffered,), MEAN_WAIT),
        ),
        Figure(
            "share of tasks that wait, M/M/8",
            ERLANG,
            WAITING,
            "tasks.waited count in steady / tasks.leased count in steady",
            0.04,
            "task_queue/erlang",
            seeds=50,
            items=200_000,
            control=Control(ideal.waiting_share, {"servers": 8}, (TaskOffered,), WAITING),
        ),
        *(_wait_of_priority(number, priority) for number, priority in enumerate((0, 5, 9))),
        Figure(
            "attempts of a task that starts over",
            "S. Asmussen et al., Asymptotic Behavior of Total Times for Jobs That Must Start Over, 2008",
            law(restart.mean_attempts, task_s=30, failures_per_s=0.02),
            "task.attempts mean",
            0.03,
            "task_queue/restarts",
            seeds=50,
            control=FAILURES,
        ),
        Figure(
            "time of a task that starts over",
            KULKARNI,
            law(restart.mean_time_s, task_s=30, failures_per_s=0.02, redelivery_s=60),
            "task.latency mean",
            0.03,
            "task_queue/restarts",
            unit="s",
            seeds=50,
            control=replace(FAILURES, slope=FAILURES_SLOPE * 60 + (FAILURES_SLOPE - 1) / 0.02),
        ),
    ),
)
