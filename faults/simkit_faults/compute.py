"""Faults of processors: cores that compute too slowly.

Only work that a program declares with `cpu.work` takes time, so only that gets slower.

Memory limits are deliberately not here yet.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydantic import Field

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host


class CpuSlow(Condition):
    """Every piece of work that begins meanwhile takes so many times as long.

    Seen: Cloudflare, 2 July 2019, a regular expression that backtracked took all cores that served HTTP, worldwide
    ("Details of the Cloudflare outage on July 2, 2019"); processors that throttle themselves are among the cases of
    Gunawi et al., "Fail-Slow at Scale", FAST 2018.
    """

    word = "cpu_slow"

    factor: float = Field(ge=1, allow_inf_nan=False)
    """How many times as long a piece of work takes."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.cpu.slow(self.factor))
            yield
