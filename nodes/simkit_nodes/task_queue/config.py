"""The settings of each role and of a load, as scenario files write them.

Defaults are what a careful operator would choose; every protection that can be turned off is a field here. Values
that only one piece of code would ever change are constants there, not settings.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simkit.language.load import Load
from simkit.language.units import Distribution, Duration, Fraction, Size
from simkit_nodes.blocks.backoff import Backoff, Jitter

SECOND = 1_000_000_000


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetryPolicy(Settings):
    """When a failed attempt is followed by the next."""

    base: Duration = Duration(SECOND)
    """The first delay, before jitter."""
    cap: Duration = Duration(60 * SECOND)
    """The longest delay."""
    jitter: Literal["none", "equal", "full", "decorrelated"] = "full"
    """How much of a delay is chance (names of the AWS article)."""

    @model_validator(mode="after")
    def _sensible(self) -> RetryPolicy:
        if not 0 < self.base <= self.cap:
            raise ValueError("retry needs 0s < base <= cap")
        return self

    def backoff(self) -> Backoff:
        return Backoff(int(self.base), int(self.cap), Jitter(self.jitter))


class BrokerConfig(Settings):
    """A Redis server with an append-only file, and the sweeper of the queue beside it."""

    fsync: Literal["always", "everysec", "never"] = "always"
    """When the append-only file is synced: before each reply, once a second, or never."""
    sweeper: bool = True
    """Whether leases past their deadline are taken back."""
    sweep_every: Duration = Duration(SECOND)
    """How often expired leases are looked for."""
    at_once: Duration = Duration(SECOND // 100)
    """A task leased within this time found a free worker, for whom bell and lease are two round trips."""
    bulk_max: Size = Size(8 * 1024 * 1024)
    """Longest string a client may send."""


class WorkerConfig(Settings):
    """A worker process: it leases tasks, runs up to `slots` at once and says what became of them."""

    slots: int = Field(4, ge=1, le=1024)
    """Tasks that run at the same time."""
    prefetch: int = Field(0, ge=0, le=1024)
    """Tasks leased beyond the free slots, waiting in the worker."""
    lease: Duration = Duration(60 * SECOND)
    """How long a task is the worker's without a heartbeat (the visibility timeout)."""
    heartbeat: Duration | None = None
    """How often leases are extended; a third of the lease unless given."""
    ack: Literal["late", "early"] = "late"
    """Whether the queue forgets a task when its work is done or already when it is handed out."""
    lease_token: bool = True
    """Whether results and effects carry the lease's fencing token."""
    retry: RetryPolicy = RetryPolicy()
    """Delays between attempts."""
    linger: Duration = Duration(0)
    """How long an outcome waits for others before it is handed in: fewer round trips, later results."""
    work_on: Literal["sleep", "cpu"] = "sleep"
    """Whether service time passes beside other tasks (waiting for others) or takes the host's cores."""
    result_ttl: Duration = Duration(3600 * SECOND)
    """How long a result can be asked for; 0s keeps it."""
    timeout: Duration = Duration(5 * SECOND)
    """How long an answer of the broker or of the effects host may take."""

    @property
    def heartbeat_ns(self) -> int:
        return int(self.heartbeat) if self.heartbeat is not None else int(self.lease) // 3


class ClientConfig(Settings):
    """A producer of tasks."""

    attempts_max: int = Field(5, ge=1, le=1000)
    """How often a task may be started before it becomes a dead letter."""
    timeout: Duration = Duration(5 * SECOND)
    """How long an answer of the broker may take before the task is sent again."""
    retry: RetryPolicy = RetryPolicy(base=Duration(SECOND // 10), cap=Duration(5 * SECOND))
    """Delays before sending again, with the same task id."""
    results: bool = False
    """Whether the client asks for each result until it is there."""
    results_every: Duration = Duration(SECOND)
    """How often it asks."""


class EffectsConfig(Settings):
    """The outside world that tasks change: it remembers what took place, durably."""


class TaskLoad(Load):
    """Tasks arriving at clients."""

    service: Distribution
    """Time a task keeps its slot."""
    task: str = "work"
    """Name of the task: `work` has one effect, whichever attempt has it; each attempt of `overwrite` writes its own
    over what stands there. Clients refuse one that no worker knows, unless it is sent unchecked."""
    unchecked: bool = False
    """Whether clients send what their schema refuses: a poison message."""
    priority: int = Field(5, ge=0, le=9)
    """0 is the most urgent, 9 the least."""
    countdown: Duration = Duration(0)
    """Earliest start after enqueueing."""
    failure: Fraction = Fraction(0)
    """Share of attempts that fail after their service time."""
    padding: Size = Size(0)
    """Bytes of payload that mean nothing."""
