"""The card of the distributed task queue: what it is made of and what it claims.

The language, the audit and the system's page read this; there is no code of its own.
"""

from __future__ import annotations

from simkit.card import Card, Metric, Role, Switch
from simkit_nodes.task_queue import checks
from simkit_nodes.task_queue.broker import Broker
from simkit_nodes.task_queue.client import Client
from simkit_nodes.task_queue.config import BrokerConfig, ClientConfig, EffectsConfig, TaskLoad, WorkerConfig
from simkit_nodes.task_queue.effects import Effects
from simkit_nodes.task_queue.events import EVENTS
from simkit_nodes.task_queue.worker import Worker

CHECKS = tuple(getattr(checks, name) for name in checks.__all__)

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
    events=EVENTS,
    metrics={
        "task.latency": Metric("histogram", "from stored to success, on the broker's clock", "s"),
        "task.wait": Metric("histogram", "from ready to leased, on the broker's clock", "s"),
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
)
