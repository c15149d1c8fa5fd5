"""Gray failures: a machine that is up, answers health checks, and does everything badly.

It is composed of what other families do to a processor, a disk and a network, so that it stacks with them and is
undone as they are.

It deliberately stays below what takes a host down: whoever asks it gets an answer, only late.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydantic import Field

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit.kernel import Constant
from simkit.language.units import Duration, Fraction
from simkit_faults.links import Around, named


class Gray(Condition):
    """The host computes slowly, its disk is slow, and packets from and to it are late and lost, all at once.

    Seen: Huang et al., "Gray Failure: The Achilles' Heel of Cloud-Scale Systems", HotOS 2017, from years of Azure: what
    the detector observes and what the application suffers are two things.
    """

    word = "gray"

    cpu: float = Field(default=10, ge=1, allow_inf_nan=False)
    """How many times as long cores take."""
    disk: float = Field(default=20, ge=1, allow_inf_nan=False)
    """How many times as long disk operations take."""
    loss: Fraction = Fraction(0.01)
    """The share of segments lost on every link of the host, in each direction."""
    latency: Duration = Duration(20 * 10**6)
    """What every packet from or to it takes longer."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        around, network = Around(frozenset(host.name for host in targets)), arena.network
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.cpu.slow(self.cpu))
                undoing.callback(host.disk.health.slow(self.disk))
            undoing.callback(network.add_loss(around, float(self.loss), name=named(arena)))
            undoing.callback(network.add_latency(around, Constant(float(self.latency)), name=named(arena)))
            yield
