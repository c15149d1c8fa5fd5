"""Which link a pair of hosts gets, and what addresses hosts get."""

from dataclasses import dataclass

import networkx as nx
import pytest

from simkit.hosts.host import Host
from simkit.kernel import Constant, Normal, World
from simkit.network import Link, Network, Topology


@dataclass
class Place:
    name: str
    group: str
    zone: str | None
    rack: str | None = None
    region: str | None = None


A = Place("a-0", "a", "east")
B = Place("b-0", "b", "west")


def link(number):
    return Link(one_way=Constant(number))


def test_the_most_specific_link_wins():
    topology = Topology(link(0))
    assert topology.link(A, B) == (link(0), ("a-0", "b-0"))
    topology.connect("east", "west", link(1))
    assert topology.link(A, B) == (link(1), ("east", "west"))
    topology.connect("a-0", "west", link(2))
    assert topology.link(A, B) == (link(2), ("a-0", "west"))
    topology.connect("a", "b", link(3))
    assert topology.link(A, B) == (link(3), ("a", "b"))
    topology.connect("a-0", "b", link(4))
    assert topology.link(A, B)[0] == link(4)
    topology.connect("a-0", "b-0", link(5))
    assert topology.link(A, B) == (link(5), ("a-0", "b-0"))
    assert topology.link(B, A)[0] == link(5)


def test_hosts_of_one_rack_or_zone_are_nearer_unless_an_edge_says_otherwise():
    topology = Topology(link(0), same_zone=link(1), same_rack=link(2))
    here, beside, across = (
        Place("c-0", "c", "east", "r1"),
        Place("c-1", "c", "east", "r1"),
        Place("d", "d", "east", "r2"),
    )
    assert [topology.link(here, other)[0] for other in (beside, across, B)] == [link(2), link(1), link(0)]
    topology.connect("r1", "r2", link(3))
    assert topology.link(here, across)[0] == link(3)
    topology.connect("c", "d", link(4))
    assert topology.link(across, here)[0] == link(4)


def test_hosts_of_one_region_share_a_link_after_all_others():
    topology = Topology(link(0), same_zone=link(1), same_region=link(5))
    paris, rome, boston = (
        Place(name, name, zone, region=region)
        for name, zone, region in (("p", "z1", "eu"), ("r", "z2", "eu"), ("b", "z3", "us"))
    )
    assert [topology.link(paris, other)[0] for other in (rome, boston)] == [link(5), link(0)]
    topology.connect("eu", "us", link(6))
    assert topology.link(boston, rome) == (link(6), ("us", "eu"))


def test_a_link_may_hold_in_one_direction_only():
    topology = Topology(link(0))
    topology.connect("east", "west", link(1), one_way=True)
    assert topology.link(A, B)[0] == link(1)
    assert topology.link(B, A)[0] == link(0)


def test_a_networkx_graph_is_a_topology():
    graph = nx.Graph()
    graph.add_edge("east", "west", link=link(7))
    topology = Topology(link(0), graph)
    assert topology.link(A, B)[0] == topology.link(B, A)[0] == link(7)


def test_a_host_reaches_itself_by_its_own_link():
    topology = Topology(link(0))
    topology.connect("east", "east", link(1))
    assert topology.link(A, A)[0] == topology.loopback


class Orbit(Topology):
    """Two hosts whose distance changes as somebody says."""

    far = False

    def link(self, source, target):
        return (link(9_000_000 if self.far else 1_000_000), (source.name, target.name))


def test_a_topology_may_change_with_time():
    topology = Orbit()
    network = Network(World(1), topology)
    hosts = [Host(network.world, name, index=index) for index, name in enumerate("ab")]
    for host in hosts:
        network.attach(host)
    path = network.path(*hosts)
    assert path.transit(1) == 1_000_000
    topology.far = True
    network.changed()
    assert path.transit(1) == 9_000_000
    topology.far = False
    network.changed()
    assert network.path(*hosts).transit(1) == 1_000_000


def test_a_round_trip_is_halved_and_draws_below_zero_are_zero():
    assert Link.of_round_trip(Constant(10), loss=0.5) == Link(one_way=Constant(5), loss=0.5)
    network = Network(World(1), Link(one_way=Normal(0, 10**6)))
    hosts = [Host(network.world, name, index=index) for index, name in enumerate("ab")]
    for host in hosts:
        network.attach(host)
    arrivals = [network.path(*hosts).transit(1) for _ in range(100)]
    assert min(arrivals) == 0
    assert max(arrivals) > 0


NONSENSE = [{"loss": 1.1}, {"loss": float("nan")}, {"bandwidth": 0}, {"queue_limit": 0}, {"color": "red"}]


@pytest.mark.parametrize("wrong", NONSENSE)
def test_a_link_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="validation error"):
        Link(**wrong)


def test_addresses_count_up_and_names_are_taken_once():
    network = Network(World(1))
    hosts = [Host(network.world, f"h{number}", index=number) for number in range(300)]
    interfaces = [network.attach(host) for host in hosts]
    assert [interfaces[i].address for i in (0, 254, 255)] == ["10.0.0.1", "10.0.0.255", "10.0.1.0"]
    assert network.find("H7") is network.find("10.0.0.8") is interfaces[7]
    with pytest.raises(ValueError, match="already"):
        network.attach(Host(network.world, "H7", index=300))
