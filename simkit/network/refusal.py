"""How host code is told that it asked the simulated network for something that only a real one has.

It deliberately decides nothing: who calls it does; the error, its line and its consequences are the fence's.
"""

from simkit.kernel.fence import RealWorldReached, here
from simkit.kernel.fence.refusal import refusal as refusal_of_host


def refusal(what: str) -> RealWorldReached:
    """Return the error that tells of the line of host code that led here."""
    return refusal_of_host(here(), what.removesuffix(":"))
