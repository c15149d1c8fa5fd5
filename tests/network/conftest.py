"""A small world for every test: hosts on one network, whose programs are plain coroutines."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from simkit.hosts.host import Host
from simkit.kernel import Constant, Record, World
from simkit.network import Link, Network, Topology

Program = Callable[[Host], Coroutine[Any, Any, None]]


class Site:
    """Hosts with programs on one network, 10 ms from one to another unless the test says otherwise."""

    def __init__(
        self, link: Link | Topology | None = None, *, seed: int = 1, recorded: bool = True, **options: Any
    ) -> None:
        self.world = World(seed)
        self.network = Network(self.world, link or Link(one_way=Constant(10**7)), **options)
        self.hosts: dict[str, Host] = {}
        self.failures: list[BaseException] = []
        self.records: list[Record] = []
        self.world.control.set_exception_handler(lambda loop, context: self.failures.append(context["exception"]))
        if recorded:  # with all their bytes
            self.world.records.subscribe(["message", "stream"], self.records.append)

    @property
    def ms(self) -> float:
        """Return the virtual time in milliseconds."""
        return self.world.now_ns / 10**6

    def host(self, name: str, program: Program | None = None, **options: Any) -> Host:
        """Add a host and boot it."""
        host = Host(self.world, name, index=len(self.hosts), program=program, **options)
        host.on_failure = lambda host, error: self.failures.append(error)
        self.hosts[name] = host
        self.network.attach(host)
        host.boot()
        return host

    def at(self, seconds: float, action: Callable[..., object], *args: Any) -> None:
        """Do something from outside at a moment."""
        self.world.post(round(seconds * 10**9), self.world.control, action, *args)

    def run(self, until_s: float) -> None:
        """Run, and let no host fail in silence."""
        self.world.run(round(until_s * 10**9))
        if self.failures:
            raise self.failures[0]

    def told(self, kind: str = "stream") -> list[tuple[Any, ...]]:
        """Return what the records of a kind say, without sources and numbers."""
        return [record.detail[2:] for record in self.records if record.kind == kind]


@pytest.fixture
def new_site() -> Iterator[Callable[..., Site]]:
    """Return what makes sites, and close their worlds afterwards."""
    made: list[Site] = []

    def make(*args: Any, **options: Any) -> Site:
        made.append(Site(*args, **options))
        return made[-1]

    yield make
    for site in made:
        site.world.close()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """Return a site with constant latencies and no loss."""
    return new_site()
