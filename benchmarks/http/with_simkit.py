"""Requests over simulated TCP between two hosts of a simkit world, on a default link: 0.25 ms, no bandwidth limit."""

from benchmarks.http import Requests
from benchmarks.http.ends import PORT, ask, serve
from benchmarks.simkit_hosts import booted, start
from benchmarks.work import Outcome, Timed
from simkit.kernel import World
from simkit.network import Network

LISTENING_NS = 10**9
END_NS = 3600 * 10**9


def prepare(given: Requests) -> Timed:
    """Set two hosts up, of which one listens."""
    world = World(seed=1)
    network = Network(world)
    client, server = booted(world, 2)
    network.attach(client)
    network.attach(server)
    answered: list[int] = []
    kept = []  # what serves, as long as it is to serve

    async def listen() -> None:
        kept.append(await serve(PORT, "0.0.0.0"))

    start(server, listen())
    world.run(LISTENING_NS)
    start(client, ask(given, f"http://{server.name}:{PORT}", answered))

    def run() -> Outcome:
        world.run(END_NS)
        return Outcome(answered[0])

    return run
