"""Ping-pong between nodes of a simkit world: `Endpoint.send`, a default link with exponential latency, the digest.

The handler is a plain method, as it is for everything that answers without waiting. `prepare_healed` is the same after
every fault of links held on every pair and healed: what it takes longer is what faults cost that are not active.
"""

from contextlib import ExitStack

from benchmarks.messages import Latencies
from benchmarks.simkit_hosts import HORIZON_NS, booted
from benchmarks.work import Outcome, Timed
from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit.kernel import Exponential, World
from simkit.language.units import Bandwidth, Fraction, Size, read_distribution
from simkit.network import Endpoint, Link, Message, Network, handles
from simkit_faults.network import Latency, LimitedBandwidth, Loss, Partition
from simkit_faults.packets import Corrupt, Duplicate, LossBursts, Reorder, SmallPackets


class Ball(Message, tag="benchmarks.ball/1"):
    """What goes to and fro, and how often it still will."""

    pair: int
    left: int


class Player:
    """Answers every ball until it has gone often enough."""

    def __init__(self, endpoint: Endpoint, target: str, order: list[int]) -> None:
        self._network = endpoint
        self._target = target
        self._order = order
        endpoint.bind(self)

    def begin(self, pair: int, messages: int) -> None:
        """Send the first ball."""
        self._network.send(self._target, Ball(pair, messages - 1))

    @handles(Ball)
    def returned(self, ball: Ball) -> None:
        """Send it back."""
        self._order.append(ball.pair)
        if ball.left:
            self._network.send(self._target, Ball(ball.pair, ball.left - 1))


def prepare(given: Latencies) -> Timed:
    """Set the world up; the first ball of each pair is under way when time begins."""
    return _prepared(given, ())


def prepare_healed(given: Latencies) -> Timed:
    """Set the same world up, in which every fault of links held, all at once, and is healed."""
    some, pause = Fraction(0.5), read_distribution("5ms")
    faults = (
        Partition(),
        Latency(add=pause),
        Loss(add=some),
        LimitedBandwidth(limit=Bandwidth.parse("1Mbit/s")),
        Duplicate(share=some),
        Reorder(share=some, by=pause),
        Corrupt(share=some),
        LossBursts(loss=some, length=4.0),
        SmallPackets(limit=Size(600)),
    )
    return _prepared(given, faults)


def _prepared(given: Latencies, faults: tuple[Condition, ...]) -> Timed:
    world = World(seed=1)
    network = Network(world, Link(one_way=Exponential(1e9)))
    hosts = booted(world, 2 * len(given.there_ns))
    for host in hosts:
        network.attach(host)
    _hold_and_heal(world, network, hosts, faults)
    order: list[int] = []
    for pair in range(len(given.there_ns)):
        one, other = hosts[2 * pair], hosts[2 * pair + 1]
        Player(Endpoint(network, other), one.name, order)
        player = Player(Endpoint(network, one), other.name, order)
        player.begin(pair, 2 * len(given.there_ns[pair]))

    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(len(order), None, [*order, int(world.records.digest()[:15], 16)])

    return run


def _hold_and_heal(world: World, network: Network, hosts: list[Host], faults: tuple[Condition, ...]) -> None:
    arena = Arena(world, {host.name: host for host in hosts}, network, world.stream("faults"))
    pairs = list(zip(hosts[::2], hosts[1::2], strict=True))
    targets = [link for one, other in pairs for link in ((one, other), (other, one))]
    with ExitStack() as held:
        for fault in faults:
            held.enter_context(fault.hold(arena, targets))
