"""How one command of the engine is run: its arguments taken apart by a plan made once, its keys read and written back.

fakeredis does the same in general terms for four servers and both protocols; this is the part of it a run spends its
time in, for the one server offered here. What the commands do stays fakeredis's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakeredis import _msgs as messages
from fakeredis._commands import Key, Signature
from fakeredis._core import CommandItem
from fakeredis._helpers import SimpleError

from simkit_nodes.blocks.redis_host.engine import ObservedDatabase


class ShortCut(Exception):
    """A key is missing and the command's answer for that is known."""

    def __init__(self, result: Any) -> None:
        self.result = result


class Plan:
    """A signature taken apart: which arguments are keys or have to be decoded. The rest are bytes as they came."""

    __slots__ = ("converts", "creates", "fixed", "fixed_count", "in_scripts", "leaves_empty", "repeat", "signature")

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.fixed_count = len(signature.fixed)
        self.fixed = tuple((index, kind) for index, kind in enumerate(signature.fixed) if kind is not bytes)
        self.repeat = tuple((index, kind) for index, kind in enumerate(signature.repeat) if kind is not bytes)
        self.creates = messages.FLAG_DO_NOT_CREATE not in signature.flags
        self.converts = messages.FLAG_SKIP_CONVERT_TO_RESP2 not in signature.flags
        self.in_scripts = messages.FLAG_NO_SCRIPT not in signature.flags
        self.leaves_empty = messages.FLAG_LEAVE_EMPTY_VAL in signature.flags

    def _special(self, count: int) -> Sequence[tuple[int, Any]]:
        if not self.repeat:
            return self.fixed
        period = len(self.signature.repeat)
        repeated = [
            (start + index, kind)
            for start in range(self.fixed_count, count, period)
            for index, kind in self.repeat
            if start + index < count
        ]
        return [*self.fixed, *repeated]

    def apply(self, words: Sequence[bytes], database: ObservedDatabase) -> tuple[list[Any], list[CommandItem]]:
        """The arguments of the command's function and the keys among them. Raises SimpleError, or ShortCut."""
        arguments: list[Any] = list(words)
        special = self._special(len(arguments))
        for index, kind in special:
            if not isinstance(kind, Key):
                arguments[index] = kind.decode(arguments[index])
            elif kind.missing_return is not Key.UNSPECIFIED and arguments[index] not in database:
                raise ShortCut(kind.missing_return)
        items: list[CommandItem] = []
        for index, kind in special:
            if isinstance(kind, Key):
                item = self._item(arguments[index], kind.type_, database)
                arguments[index] = item
                items.append(item)
        return arguments, items

    def _item(self, key: bytes, kind: type[Any] | None, database: ObservedDatabase) -> CommandItem:
        stored = database.get(key)
        if kind is None:
            return CommandItem(key, database, stored)
        if stored is not None:
            if type(stored.value) is not kind:
                raise SimpleError(messages.WRONGTYPE_MSG)
            return CommandItem(key, database, stored)
        return CommandItem(key, database, None, kind() if self.creates and kind is not bytes else None)


_plans: dict[str, Plan] = {}


def plan_of(signature: Signature) -> Plan:
    """The plan of a signature; signatures are constants of fakeredis, and so are their plans."""
    plan = _plans.get(signature.name)
    if plan is None:
        plan = _plans[signature.name] = Plan(signature)
    return plan
