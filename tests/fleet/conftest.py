"""A world with a server and whatever fleets and nodes a test puts into it."""

from collections.abc import Iterator
from typing import Any

import pytest

from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.network.endpoint import Endpoint
from simkit.network.link import Link
from simkit.network.network import Network
from simkit.node import Directory, Equipment, Node
from simkit.observe.history import History
from simkit.observe.metrics import Metrics

HOUR_NS = 3600 * 10**9


class Town:
    """Hosts on one network; a host's program is made anew at every boot, as in a scenario."""

    def __init__(self, link: Link, seed: int = 1) -> None:
        self.world = World(seed)
        self.network = Network(self.world, link, strict=True)
        self.metrics = Metrics(self.world, HOUR_NS)
        self.history = History(self.world)
        self.hosts: dict[str, Host] = {}
        self.nodes: dict[str, Any] = {}
        self.failure: BaseException | None = None

    def place(self, name: str, kind: type[Node], config: Any = None) -> Host:
        """Put a host up that runs nodes of a kind."""

        async def program(host: Host) -> None:
            endpoint = Endpoint(self.network, host)
            equipment = Equipment(
                host, config, endpoint, self.metrics.host(name), self.history, Directory(self.hosts.values())
            )
            node = self.nodes[name] = kind.on(equipment)
            endpoint.bind(node)
            await node.run()

        host = self.hosts[name] = Host(self.world, name, index=len(self.hosts), program=program)
        host.on_failure = self.failed
        self.network.attach(host)
        host.boot()
        return host

    def failed(self, host: Host, error: BaseException) -> None:
        self.failure = error
        self.world.stop()

    def run(self, until_s: float) -> None:
        """Let the world go on until then; raise what ended a process."""
        self.world.run(round(until_s * 1e9))
        if self.failure is not None:
            raise self.failure

    def gauge(self, host: str, state: str) -> float | None:
        """Return how many devices of a host its gauge shows in a state."""
        return self.metrics.host(host).gauge(f"devices.{state}").value


@pytest.fixture
def towns() -> Iterator[Any]:
    """Make as many towns as a test needs."""
    made: list[Town] = []

    def make(link: Link | None = None, seed: int = 1) -> Town:
        made.append(Town(link or Link(), seed))
        return made[-1]

    yield make
    for town in made:
        town.world.close()
