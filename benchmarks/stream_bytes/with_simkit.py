"""Bytes over simulated TCP between two hosts of a simkit world, on a default link: 0.25 ms, no limit of bandwidth."""

from benchmarks.simkit_hosts import booted, start
from benchmarks.stream_bytes import Transfer
from benchmarks.stream_bytes.ends import PORT, send, serve
from benchmarks.work import Outcome, Timed
from simkit.kernel import World
from simkit.network import Network

LISTENING_NS = 10**9
END_NS = 3600 * 10**9


def prepare(given: Transfer) -> Timed:
    """Set two hosts up, of which one listens."""
    world = World(seed=1)
    network = Network(world)
    client, server = booted(world, 2)
    network.attach(client)
    network.attach(server)
    received: list[int] = []

    async def listen() -> None:
        await serve(PORT, "0.0.0.0", received)

    start(server, listen())
    world.run(LISTENING_NS)
    start(client, send(given, server.name, PORT))

    def run() -> Outcome:
        world.run(END_NS)
        return Outcome(sum(received), None, [int(world.records.digest()[:15], 16)])

    return run
