"""Links and routers that are down: who is cut off, who goes another way, and that nothing is left of it."""

import networkx as nx
import pytest

from simkit.fault import Arena
from simkit.hosts.host import Host
from simkit.kernel import Constant, World
from simkit.network import Link, Mesh, Network, Topology
from simkit.network.path import REJECTED
from simkit_faults.mesh import LinkDown, RouterDown

MS = 10**6


@pytest.fixture
def routed():
    """Two hosts with two routers between them, of which the second is twice as far."""
    graph = nx.Graph()
    for router, ms in (("near", 1), ("far", 2)):
        graph.add_edge("a", router, link=Link(one_way=Constant(ms * MS)))
        graph.add_edge(router, "b", link=Link(one_way=Constant(ms * MS)))
    world = World(1)
    network = Network(world, Topology(mesh=Mesh(graph)))
    hosts = {name: Host(world, name, index=index) for index, name in enumerate("ab")}
    for host in hosts.values():
        network.attach(host)
    yield Arena(world, hosts, network, world.stream("fault/test"))
    world.close()


def took(arena, source="a", target="b"):
    heard = []
    arena.network.path(arena.hosts[source], arena.hosts[target]).carry(100, heard.append)
    return heard[0] / MS if heard[0] >= 0 else heard[0]


def test_packets_go_around_a_router_that_is_down_and_come_back_to_it(routed):
    with RouterDown().hold(routed, ("near",)):
        assert took(routed) == 4
        with RouterDown().hold(routed, ("far",)):
            assert took(routed) == REJECTED
        assert took(routed) == 4
    assert took(routed) == 2
    assert routed.network.topology.mesh.failed == frozenset()


def test_a_link_is_down_in_the_directions_it_is_said_to_be(routed):
    with LinkDown().hold(routed, (("a", "near"),)):
        assert (took(routed), took(routed, "b", "a")) == (4, 2)
    with LinkDown().hold(routed, (("a", "near"), ("near", "a"))):
        assert (took(routed), took(routed, "b", "a")) == (4, 4)
    assert (took(routed), took(routed, "b", "a")) == (2, 2)


@pytest.mark.parametrize("first", [0, 1])
def test_two_of_it_end_in_either_order(routed, first):
    both = [RouterDown().hold(routed, ("near",)), LinkDown().hold(routed, (("near", "b"),))]
    for each in both:
        each.__enter__()
    both[first].__exit__(None, None, None)
    assert took(routed) == 4
    both[1 - first].__exit__(None, None, None)
    assert took(routed) == 2


def test_who_is_touched_are_those_whose_way_now_leads_over_it(routed):
    def across(*parts):
        return list(routed.network.topology.mesh.across(parts, routed.hosts.values()))

    assert across("near") == across("b") == across(("a", "near"), ("near", "a")) == [(("a",), ("b",), True)]
    assert across(("near", "a")) == [(("b",), ("a",), False)]
    assert across("far") == across(("far", "b")) == []
    with RouterDown().hold(routed, ("near",)):
        assert across("near") == []  # the others have noticed
        assert across("far") == [(("a",), ("b",), True)]
