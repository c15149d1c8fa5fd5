"""Deterministic simulation of distributed systems: one kernel, real systems, every failure a file you can share.

`simkit.run("task_queue/steady", seed=7)` runs a scenario and returns its outcome; the command `simkit` does the same in
a terminal. Authors of systems import `Node`, `Event` and their like from the rooms they live in.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simkit.notebook import Outcome, run

__all__ = ["Outcome", "run"]


def __getattr__(name: str) -> Any:
    # Late, because a node that imports one room should not wait for all of them.
    if name in __all__:
        from simkit import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'simkit' has no attribute {name!r}")
