"""What the language needs to know about the systems and faults that exist: their words.

These protocols are all that a file is judged by, so a test can bring a card of its own. They are deliberately not the
card or the fault itself: nothing here can build a node or break a host.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from simkit.hosts.fault_point import DISK_POINTS

FaultKind = Literal["condition", "act", "plan"]


class RoleWords(Protocol):
    """One role of a system: what its nodes can be configured with."""

    @property
    def config(self) -> type[BaseModel]: ...


class CardWords(Protocol):
    """The part of a system's card that a scenario file can name.

    A card may also have `dynamic_roles`, names such as `leader` that hosts take while the system runs, and `points`,
    the fault points of its programs; of a card without any, no name of a point is refused.
    """

    @property
    def name(self) -> str: ...
    @property
    def roles(self) -> Mapping[str, RoleWords]: ...
    @property
    def load(self) -> type[BaseModel] | None: ...
    @property
    def checks(self) -> Mapping[str, Any]: ...
    @property
    def events(self) -> Sequence[Any]: ...
    @property
    def metrics(self) -> Mapping[str, Any]: ...


class Registry(Protocol):
    """Everything installed. Faults are classes of `simkit.fault`, under the word that files use for them."""

    def systems(self) -> Collection[str]: ...
    def card(self, system: str) -> CardWords: ...
    def faults(self) -> Mapping[str, type[BaseModel]]: ...


def event_names(card: CardWords) -> tuple[str, ...]:
    """The tags of the card's events, in the card's order."""
    return tuple(event if isinstance(event, str) else event.__struct_config__.tag for event in card.events)


def point_names(card: CardWords) -> tuple[str, ...]:
    """The fault points that the card declares, and those that every disk has."""
    return (*getattr(card, "points", ()), *DISK_POINTS)


def dynamic_roles(card: CardWords) -> tuple[str, ...]:
    """Roles that hosts of this system take at run time; most systems have none."""
    return tuple(getattr(card, "dynamic_roles", ()))


def role_scope(card: CardWords, role: str) -> str | None:
    """What there is one holder of a role for, such as `range`; "" if there is one holder, None if nobody says."""
    roles = getattr(card, "dynamic_roles", ())
    return str(roles[role].of) if isinstance(roles, Mapping) else None


def fault_kind(fault: type[BaseModel]) -> FaultKind:
    """Whether a fault lasts (condition), strikes once (act) or is a procedure of its own (plan)."""
    kind: FaultKind = fault.kind  # type: ignore[attr-defined]
    return kind


def family(fault: type[BaseModel]) -> str:
    """Whose kin a fault is: the name of the module that it stands in, such as `storage`."""
    return fault.__module__.rpartition(".")[2]


def target_kind(fault: type[BaseModel]) -> str:
    """What a fault is aimed at: hosts, links, groups, routers, wires, or none."""
    return str(getattr(fault, "target", "hosts"))
