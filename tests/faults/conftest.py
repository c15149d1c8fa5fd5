"""Four hosts in two zones, on a network with delay and loss, for faults to be proven on."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.explore.run import Run
from simkit.fault import Arena
from simkit.hosts.cpu import Cpu
from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import MODELS
from simkit.hosts.host import Host
from simkit.kernel import Uniform, World
from simkit.language.scenario import load_scenario
from simkit.network.link import Link
from simkit.network.network import Network
from simkit.registry import Registry

sys.path.insert(0, str(Path(__file__).parent))
from service import card


async def idle(host):
    await host.loop.create_future()


def new_arena(seed=1, program=idle):
    """Return an arena of hosts a-0, a-1 in zone a and b-0, b-1 in zone b, all booted."""
    world = World(seed)
    network = Network(world, Link(one_way=Uniform(1_000_000, 2_000_000), loss=0.1))
    hosts = {}
    for index, name in enumerate(["a-0", "a-1", "b-0", "b-1"]):
        zone = name[0]
        hosts[name] = Host(
            world,
            name,
            index=index,
            group=zone,
            zone=zone,
            cpu=Cpu(world),
            disk=Disk(world, name, MODELS["ssd"]),
            program=program,
        )
        network.attach(hosts[name])
        hosts[name].boot()
    return Arena(world, hosts, network, world.stream("fault/test"))


@pytest.fixture
def arena() -> Iterator[Arena]:
    arena = new_arena()
    yield arena
    arena.world.close()


@pytest.fixture
def arenas():
    """Make as many arenas as a test needs."""
    made = []

    def make(*arguments, **options):
        made.append(new_arena(*arguments, **options))
        return made[-1]

    yield make
    for arena in made:
        arena.world.close()


@pytest.fixture(scope="session")
def make_arena():
    """Make an arena that the caller closes, for tests that need one for every example."""
    return new_arena


@pytest.fixture
def served(tmp_path):
    """Make a run of the service of `service.py`: the head of a scenario, and faults, one a line."""

    def make(head, faults):
        file = tmp_path / "my.yaml"
        file.write_text(head + ("faults:\n" if faults else "") + "".join(f"  {line}\n" for line in faults.splitlines()))
        return Run(load_scenario(file, registry=Registry(cards=[card])), card)

    return make
