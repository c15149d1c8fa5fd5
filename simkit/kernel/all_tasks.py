"""What `asyncio.all_tasks` goes through: the stock tasks that are registered, and the tasks of every world.

A world knows its tasks; to enter each of them in a set of weak references, and to take it out again, would cost as
much as making it.

It deliberately holds no task: worlds are known by weak references, and a task belongs to its loop.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from simkit.kernel.world import World


class _AllTasks:
    """A set of tasks, for those who only look."""

    def __init__(self, stock: Any) -> None:
        self.stock = stock
        self.worlds: WeakSet[World] = WeakSet()

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        yield from self.stock
        for world in self.worlds:
            yield from world.tasks()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, task: object) -> bool:
        return any(task is each for each in self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stock, name)  # what enters or leaves is a stock task


# Since CPython 3.14 `all_tasks` is written in C and knows of no other table than its own.
REGISTERS = sys.version_info >= (3, 14)
_all_tasks_name = "_all_tasks" if sys.version_info < (3, 12) else "_scheduled_tasks"
all_tasks = _AllTasks(getattr(asyncio.tasks, _all_tasks_name))
setattr(asyncio.tasks, _all_tasks_name, all_tasks)


def stock_registered() -> list[asyncio.Task[Any]]:
    """Return the stock tasks of all loops."""
    return list(all_tasks.stock)
