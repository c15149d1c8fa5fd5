"""What only the running world knows of targets: who holds a role now, and where something was that a fault waited for.

Roles are read off emitted events, as the system's card says; nothing looks into a node.

It deliberately guesses nothing: a role that nobody has taken yet has no holder, and a fault aimed at it waits.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simkit.card import TakenRole
from simkit.kernel import Record, World
from simkit.language.roster import Roster
from simkit.language.target import DynamicRole, Target
from simkit.node import event_name

Key = tuple[str, str | None]


class RoleBook:
    """Who holds which role.

    Args:
        world: whose events are heard.
        roles: of the system's card.
    """

    def __init__(self, world: World, roles: Mapping[str, TakenRole]) -> None:
        self._world = world
        self._roles = roles
        self._holders: dict[Key, str] = {}
        self._orders: dict[Key, Any] = {}
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}
        self._names = {
            event_name(event): None for role in roles.values() for event in (role.taken, role.left) if event is not None
        }

    def listen(self) -> None:
        """Hear events from now on; who never asks for a role need not pay for it."""
        if self._names:
            self._world.records.subscribe(("event",), self._heard)

    def holder(self, role: str, scope: str | None) -> str | None:
        """Return the name of the host that holds a role, None if nobody does."""
        return self._holders.get((role, scope))

    async def taken(self, role: str, scope: str | None) -> None:
        """Wait until somebody holds a role."""
        if (role, scope) not in self._holders:
            future = self._world.control.create_future()
            self._waiting.setdefault((role, scope), []).append(future)
            await future

    def _heard(self, record: Record) -> None:
        if record.detail[0] not in self._names:
            return
        event: Any = record.value
        for name, role in self._roles.items():
            if isinstance(event, role.taken):
                self._take(name, role, event, record.host)
            elif role.left is not None and isinstance(event, role.left):
                key = (name, _scope(role, event))
                if self._holders.get(key) == record.host:
                    del self._holders[key]

    def _take(self, name: str, role: TakenRole, event: Any, host: str) -> None:
        key = (name, _scope(role, event))
        order = getattr(event, role.order) if role.order else None
        if order is not None and key in self._orders and order < self._orders[key]:
            return
        self._orders[key] = order
        self._holders[key] = host
        for future in self._waiting.pop(key, []):
            # Through the queue: an observer runs inside the node's own step and must not act there.
            self._world.post(self._world.now_ns, self._world.control, _set, future)


def _scope(role: TakenRole, event: Any) -> str | None:
    return f"{role.of} {getattr(event, role.scope)}".strip() if role.scope else None


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@dataclass(frozen=True)
class Presence:
    """What targets may ask when a fault strikes; see `simkit.language.target.Present`."""

    book: RoleBook
    there: str | None = None

    def holder(self, role: str, scope: str | None) -> str | None:
        """Return who holds a role now."""
        return self.book.holder(role, scope)

    def at(self, host: str | None) -> "Presence":
        """Return the same, with the host that the fault waited for."""
        return replace(self, there=host)


def roles_in(targets: Iterable[Target], roster: Roster) -> list[tuple[str, str | None]]:
    """Return the roles that targets ask for, those they leave alone not among them."""
    return [
        (target.domain.role, target.domain.scope)
        for target in targets
        if isinstance(target.domain, DynamicRole) and Target(target.text, target.domain).dynamic(roster)
    ]
