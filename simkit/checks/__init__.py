"""Checks: claims about a run that can fail, judged from emitted events and nothing else.

A check observes and never touches: it has no way into the world, the nodes or the network. One that cannot fail is a
defect, so every check of a system is tested with a history that breaks it.
"""

from simkit.checks.check import Check, Step, Violation, sees

__all__ = ["Check", "Step", "Violation", "sees"]
