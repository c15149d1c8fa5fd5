"""What a system's author sees: a node is the program on a host, a class whose instance is made anew at every boot.

What a node keeps in attributes is lost with its process by construction; what must survive goes to `self.disk`.
Everything offered here could be implemented on a real machine: a clock, a disk, a network, a processor, random numbers,
metrics, logs, and events that say what the node wants seen.

A node deliberately cannot reach the world, the other nodes or the faults.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import msgspec

from simkit.hosts.clock import Clock
from simkit.hosts.cpu import Cpu
from simkit.hosts.disk import Disk
from simkit.hosts.fault_point import fault_point
from simkit.hosts.host import Host
from simkit.kernel import Stream
from simkit.network.endpoint import Endpoint
from simkit.observe.history import History, Operation
from simkit.observe.metrics import HostMetrics
from simkit.simulation import HostEnvironment

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["Directory", "Equipment", "Event", "Node", "event_name", "fault_point"]


class Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Something a node wants seen: checks, triggers and the report read emitted events, and nothing else of a node.

    A subclass names itself in the literature's words: ``class TaskLeased(Event, tag="task.leased")``.
    """


@cache
def event_name(kind: type[Event]) -> str:
    """Return the name under which scenario files know a kind of event."""
    tag = kind.__struct_config__.tag
    return kind.__name__ if tag is None else str(tag)


class Directory:
    """Who is who: the names of all hosts by role, as a configuration file of the real system would list them."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._roles: dict[str, tuple[str, ...]] = {}
        self._zones: dict[str, str | None] = {}
        for host in hosts:
            self._roles[host.role] = (*self._roles.get(host.role, ()), host.name)
            self._zones[host.name] = host.zone

    def of_role(self, role: str) -> tuple[str, ...]:
        """Return the names of the hosts with this role, in the order of the scenario file; empty if there are none."""
        return self._roles.get(role, ())

    def zone_of(self, name: str) -> str | None:
        """Return the zone of a host; KeyError if no host has that name."""
        return self._zones[name]


@dataclass(frozen=True)
class Equipment:
    """What a node finds on its host when it starts."""

    host: Host
    config: "BaseModel | None"
    endpoint: Endpoint
    metrics: HostMetrics
    history: History
    directory: Directory


_encode_event = msgspec.msgpack.Encoder().encode


class Node:
    """One program on one host.

    Attributes:
        config: the role's config model, filled and checked from the scenario file.
        name: of the host.
        network: messages to other hosts; streams are plain asyncio.
        disk: files that outlive the process.
        clock: what time this host believes it is.
        cpu: ``await self.cpu.work(seconds)`` says what computing costs.
        random: draws of this host alone.
        metrics: counters, gauges and histograms in virtual time.
        directory: the names of the other hosts by role.
        log: a standard logger; lines are stamped with host and virtual time.
    """

    config: Any
    name: str
    network: Endpoint
    disk: Disk
    clock: Clock
    cpu: Cpu
    random: Stream
    metrics: HostMetrics
    directory: Directory
    log: logging.Logger
    _host: Host
    _history: History
    _environment: HostEnvironment | None = None

    @classmethod
    def on(cls, equipment: Equipment) -> Self:
        """Make the node with everything in place, so that a subclass's `__init__` may already use it."""
        node = cls.__new__(cls)
        host = equipment.host
        node.config = equipment.config
        node.name = host.name
        node.network = equipment.endpoint
        node.disk = host.disk
        node.clock = host.clock
        node.cpu = host.cpu
        node.random = host.world.stream(f"node/{host.name}")
        node.metrics = equipment.metrics
        node.directory = equipment.directory
        node.log = logging.getLogger(cls.__module__)
        node._host = host
        node._history = equipment.history
        node.__init__()  # type: ignore[misc]
        return node

    async def run(self) -> None:
        """Start at every boot; returning ends the process. By default the node only handles messages."""
        await self._host.loop.create_future()

    def reconfigure(self, config: Any) -> None:
        """Take settings that were pushed while the process runs: what reads `self.config` again sees them.

        What was read once, at the start, stays until the next one. A node may override this to do more.
        """
        self.config = config

    async def offer(self, load: Any, number: int) -> None:
        """Take one arrival of a load that names this host in ``from:``; `number` counts the load's arrivals here."""
        raise NotImplementedError(f"{type(self).__name__} takes no load; `from:` must name a role that does")

    def emit(self, event: Event) -> None:
        """Publish what happened."""
        self._host.world.records.write(
            "event", self.name, event_name(type(event)), payload=_encode_event(event), value=event
        )

    def invoke(self, function: str, given: object = None, *, process: str | None = None) -> Operation:
        """Begin an operation of the history that checkers judge; end it with its `ok`, `fail` or `info`."""
        return self._history.invoke(self.name, function, given, process=process)

    def simpy(self, *, unit_seconds: float = 1.0) -> HostEnvironment:
        """Return the SimPy environment of this process, made at the first call; ValueError for another unit later."""
        if self._environment is None:
            self._environment = HostEnvironment(self._host.loop, unit_seconds=unit_seconds)
        if self._environment.unit_seconds != unit_seconds:
            raise ValueError("this process has a SimPy environment with another unit")
        return self._environment
