"""Messages in a simkit world, on the kernel alone: every player is a host, and a message is what that host receives.

It is what the network room stands on, without links, encoding, records and faults: see the work `network` for those.
Hosts switch at every message: running loop, current task and the receiver's own context are right at every step.
"""

from collections.abc import Sequence
from functools import partial

from benchmarks.messages import Latencies
from benchmarks.messages.player import first, second
from benchmarks.simkit_hosts import HORIZON_NS, booted, start
from benchmarks.work import Outcome, Timed
from simkit.hosts.host import Host
from simkit.kernel import Mailbox, World


def _send(world: World, target: Host, mailbox: Mailbox, latency_ns: int, message: int) -> None:
    world.post(world.now_ns + latency_ns, target.loop, mailbox.put, message)


def prepare(given: Latencies) -> Timed:
    """Set the world up."""
    world = World(seed=1)
    hosts = booted(world, 2 * len(given.there_ns))
    order: list[int] = []
    ends_ns: list[int] = []

    async def play_first(
        number: int, latencies_ns: Sequence[int], mailbox: Mailbox, target: Host, its: Mailbox
    ) -> None:
        await first(number, latencies_ns, mailbox, partial(_send, world, target, its), order)
        ends_ns.append(world.now_ns)

    for number, (there_ns, back_ns) in enumerate(zip(given.there_ns, given.back_ns, strict=True)):
        one, other = hosts[2 * number], hosts[2 * number + 1]
        ones, others = Mailbox(), Mailbox()
        start(one, play_first(number, there_ns, ones, other, others))
        start(other, second(back_ns, others, partial(_send, world, one, ones), order))

    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(len(order), max(ends_ns) / 1e9, order)

    return run
