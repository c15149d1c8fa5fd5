"""SimPy in the world: an environment on a host's clock, whose processes live and die with the host.

Existing SimPy models run here unchanged beside asyncio code, and each side can wait for the other.

It is deliberately not a second kernel: SimPy itself, unmodified, decides the order of its events, and the world when
they happen.
"""

from simkit.simulation.environment import HostEnvironment

__all__ = ["HostEnvironment"]
