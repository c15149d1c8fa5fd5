"""Faults of processes and machines: stop, kill, power cut, wipe, pause, suspend.

They differ in physics, not in degree: who is told, what of the disk survives, whether clocks run on. A host stays down
while any of them holds it, and boots when the last one lets go.

They deliberately know no cause: running out of memory is in `compute.py`, a rolling restart in `rollout.py`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

from simkit.fault import Arena, Condition, held
from simkit.hosts.host import GRACE_NS, Host
from simkit.hosts.page_cache import Tearing
from simkit.language.units import Duration
from simkit_faults.links import Around


class Stop(Condition):
    """The process gets SIGTERM, a grace period to finish what it is doing, and then SIGKILL; it boots at the end.

    Seen: in every rolling deploy and eviction. Google's Borg notifies a task by SIGTERM before it is preempted by
    SIGKILL, and the notice is delivered only about 80 % of the time (Verma et al., "Large-scale cluster management at
    Google with Borg", EuroSys 2015).
    """

    word = "stop"

    grace: Duration = Duration(GRACE_NS)
    """How long the process may take to end by itself."""

    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> AbstractContextManager[None]:
        """See `Condition.hold`."""
        return held(targets, "stop", grace_ns=int(self.grace))


class Kill(Condition):
    """The process ends at once: no `finally`, peers are told by a reset, the page cache survives; it boots at the end.

    Seen: Netflix has its Chaos Monkey end instances of production services at random, because they end anyway (Basiri
    et al., "Chaos Engineering", IEEE Software 2016).
    """

    word = "kill"

    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> AbstractContextManager[None]:
        """See `Condition.hold`."""
        return held(targets, "kill")


class PowerCut(Condition):
    """The machine loses power: nothing is sent, what was not synced is lost or torn; it boots at the end.

    Seen: Google Compute Engine europe-west1-b, August 2015, lightning struck the grid four times and recent writes were
    lost. Of 15 solid-state drives 13 misbehaved under a power cut, with torn and lost writes among other things (Zheng
    et al., "Understanding the Robustness of SSDs under Power Fault", FAST 2013).
    """

    word = "power_cut"

    torn: Tearing = "some"
    """Which writes over several sectors are torn: none (each is whole or lost), some, as the disk draws it, or all."""

    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> AbstractContextManager[None]:
        """See `Condition.hold`."""
        return held(targets, "power_cut", tearing=self.torn)


class Wipe(Condition):
    """The machine loses power and its disk; it boots with an empty one at the end.

    Seen: GitLab.com, 31 January 2017, the data directory of the primary database was removed by hand, and none of five
    ways of backup and replication turned out to work reliably.
    """

    word = "wipe"

    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> AbstractContextManager[None]:
        """See `Condition.hold`."""
        return held(targets, "wipe")


class Pause(Condition):
    """The process stands still while clocks run on and buffers fill; then it goes on as if nothing had happened.

    Seen: garbage collection stopped HBase region servers for longer than their ZooKeeper session lasted (Lipcon,
    "Avoiding Full GCs in HBase with MemStore-Local Allocation Buffers", Cloudera 2011); what a process that wakes up
    with an expired lease does is told by Kleppmann, "How to do distributed locking", 2016.
    """

    word = "pause"

    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> AbstractContextManager[None]:
        """See `Condition.hold`."""
        return held(targets, "pause")


class Suspend(Condition):
    """The virtual machine stands still, its clocks too: for it no time passes, for everybody else it is silent.

    Packets that arrive meanwhile are lost. What its own TCP has under way is sent again by the world's time.

    Seen: in a live migration that takes longer than a lease lasts, and after a snapshot; "Timekeeping in VMware Virtual
    Machines" (VMware, 2011) tells how a guest finds the wrong time afterwards.
    """

    word = "suspend"

    clock: Literal["corrected", "behind"] = "corrected"
    """What the wall clock shows at the end: corrected by the hypervisor, or behind by the time the machine stood."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        silent = arena.network.cut(selector=Around(frozenset(host.name for host in targets)))
        with held(targets, "suspend"):
            yield
        silent()
        for host in targets:
            lost_ns = host.clock.take_lost_ns()
            if self.clock == "corrected":
                host.clock.shift(lost_ns)
