"""What a fault is: a frozen model that knows how to do one bad thing to a running world, and how to undo it.

There are three kinds. A condition lasts: it is a context manager, conditions stack, and each is undone alone, in any
order, restoring exactly what was there before. An act strikes once and leaves nothing to heal. A plan is a procedure in
virtual time that is composed of both.

When a fault happens, and to whom, is deliberately not its business: targets and times belong to the scenario's
language.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from simkit.hosts.host import Host
from simkit.kernel import Stream, World
from simkit.network.network import Network

TargetKind = Literal["hosts", "links", "groups", "routers", "wires"]
Link = tuple[Host, Host]
"""One direction between two hosts: from the first to the second."""

MeshPart = str | tuple[str, str]
"""A router, or one direction of a link between routers."""

Sides = tuple[tuple[str, ...], tuple[str, ...], bool]
"""The hosts at the two ends of links, and whether both ways are meant."""

Targets = tuple[Host, ...] | tuple[Link, ...] | tuple[MeshPart, ...]


Settings = Callable[[BaseModel], Mapping[str, Any]]
"""From the config of a role to what changes in it: a tree as under ``config:`` of that role."""


class Software(Protocol):
    """What runs on the hosts, and with which settings."""

    def configure(self, host: Host, settings: "Settings", *, live: bool = False) -> Callable[[], None]:
        """Change settings of one host's program, from its next boot on or, with `live`, at once; return what undoes it.

        Of several changes of one setting the last one holds.
        """
        ...

    def install(self, host: Host, version: str) -> Callable[[], None]:
        """Let the host's next boot start another version of its role's program; return what undoes it."""
        ...


@dataclass(frozen=True)
class Arena:
    """What a fault may touch.

    Attributes:
        world: virtual time and records.
        hosts: every host by name.
        network: what connects them.
        stream: draws that belong to this fault alone.
        software: what runs on the hosts, None where programs cannot be changed.
        cuts: where a fault that is aimed at hosts tells which links it cuts, for the report; () is everybody.
    """

    world: World
    hosts: Mapping[str, Host]
    network: Network
    stream: Stream
    software: Software | None = None
    cuts: list[Sides] = field(default_factory=list)


class Fault(BaseModel):
    """One fault of a scenario file: its fields are the fault's own words beside target and time.

    Attributes:
        word: what it is called in scenario files.
        target: what it is aimed at in a file: hosts, links, groups that are cut from each other, routers of the mesh or
            wires between them. What it is given are hosts, directed links between hosts, or parts of the mesh.
        hosts_min: how many hosts it makes sense for.
        disables: whether a host that it is aimed at counts as struck where a file has a `budget:`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: ClassVar[str]
    target: ClassVar[TargetKind] = "hosts"
    hosts_min: ClassVar[int] = 1
    disables: ClassVar[bool] = True
    kind: ClassVar[Literal["condition", "act", "plan"]]


class Reconfiguring(Fault):
    """A fault that changes the settings or the program of its hosts, which is checked before anything runs."""

    @abstractmethod
    def settings(self, config: BaseModel) -> Mapping[str, Any]:
        """Return what changes in the config of a role; ValueError if it has no such setting."""

    @property
    def program_version(self) -> str | None:
        """The version of the program that it installs, None for the one that runs."""
        return None


class Condition(Fault):
    """A fault that lasts from a beginning to an end."""

    kind = "condition"

    @abstractmethod
    def hold(self, arena: Arena, targets: Any) -> AbstractContextManager[None]:
        """Let the condition hold for as long as the context is open."""


class Act(Fault):
    """A fault that strikes once."""

    kind = "act"

    @abstractmethod
    def strike(self, arena: Arena, targets: Any) -> None:
        """Do it, now."""


class Plan(Fault):
    """A fault that is a procedure in virtual time."""

    kind = "plan"

    @abstractmethod
    async def carry_out(self, arena: Arena, targets: Any) -> None:
        """Go through the procedure; it is cancelled when the run ends first."""


@contextmanager
def held(hosts: tuple[Host, ...], manner: Any, **options: Any) -> Iterator[None]:
    """Hold hosts down, or still, for as long as the context is open."""
    cause = object()
    for host in hosts:
        host.hold(cause, manner, **options)
    try:
        yield
    finally:
        for host in hosts:
            host.release(cause)
