"""Ping-pong between nodes of a simkit world: `Endpoint.send`, a default link with exponential latency, the digest.

The handler is a plain method, as it is for everything that answers without waiting.
"""

from benchmarks.messages import Latencies
from benchmarks.simkit_hosts import HORIZON_NS, booted
from benchmarks.work import Outcome, Timed
from simkit.kernel import Exponential, World
from simkit.network import Endpoint, Link, Message, Network, handles


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
    world = World(seed=1)
    network = Network(world, Link(one_way=Exponential(1e9)))
    hosts = booted(world, 2 * len(given.there_ns))
    for host in hosts:
        network.attach(host)
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
