"""Several links in a row: which way packets take, what queues on the way do, and what happens when something fails."""

import asyncio
from itertools import pairwise

import networkx as nx
import pytest

from simkit.hosts.host import Host
from simkit.kernel import Constant, Uniform, World
from simkit.network import Link, Mesh, Network, Topology
from simkit.network.flaw import Bursts
from simkit.network.path import BLOCKED, LOST, REJECTED

MS = 10**6


def link(ms=1, **more):
    return Link(one_way=Constant(ms * MS), **more)


def ring(**more):
    """Return a mesh of four routers in a ring, 1 ms apart, with a host at three of them; r3-r0 takes 5 ms."""
    graph = nx.Graph()
    for one, other, ms in (("r0", "r1", 1), ("r1", "r2", 1), ("r2", "r3", 1), ("r3", "r0", 5)):
        graph.add_edge(one, other, link=link(ms, **more))
    for number in range(3):
        graph.add_edge(f"h{number}", f"r{number}", link=link(0))
    return graph


class Net:
    def __init__(self, graph, seed=1, names=("h0", "h1", "h2", "away"), **options):
        self.world = World(seed)
        self.network = Network(self.world, Topology(link(50), mesh=Mesh(graph, **options)))
        self.hosts = {}
        for index, name in enumerate(names):
            self.hosts[name] = Host(self.world, name, index=index)
            self.network.attach(self.hosts[name])

    def send(self, source, target, size=100, count=1):
        """Send packets; return what they heard of themselves, arrivals in ms, once all of them have."""
        heard = []
        path = self.network.path(self.hosts[source], self.hosts[target])
        for _ in range(count):
            path.carry(size, heard.append)
        self.world.run(self.world.now_ns + 10**9)
        return [answer / MS if answer >= 0 else answer for answer in heard]

    def took(self, source, target):
        """Return how long a packet takes now, or what became of it."""
        begin = self.world.now_ns / MS
        (answer,) = self.send(source, target)
        return answer - begin if answer >= 0 else answer


def test_packets_take_the_shortest_way_and_hosts_outside_of_the_mesh_their_own_link():
    net = Net(ring())
    assert net.took("h0", "h1") == 1
    assert net.took("h0", "h2") == 2
    assert net.took("h0", "away") == net.took("away", "h2") == 50


def test_weights_decide_where_they_are_given():
    graph = ring()
    graph.edges["r0", "r1"]["weight"] = 10**9
    assert Net(graph).took("h0", "h2") == 6


def test_hosts_at_one_node_are_not_routed():
    graph = nx.Graph()
    graph.add_edge("east", "west", link=link(9))
    world = World(1)
    network = Network(world, Topology(link(50), same_zone=link(2), mesh=Mesh(graph)))
    hosts = [
        Host(world, name, index=i, zone=zone)
        for i, (name, zone) in enumerate([("a", "east"), ("b", "east"), ("c", "west")])
    ]
    for host in hosts:
        network.attach(host)
    heard = []
    network.path(hosts[0], hosts[1]).carry(100, heard.append)
    network.path(hosts[0], hosts[2]).carry(100, heard.append)
    assert heard == [2 * MS, 9 * MS]


def test_a_failed_link_stops_packets_until_the_routers_know_and_then_they_go_round():
    net = Net(ring(), convergence_ns=3 * 10**9)
    assert net.took("h0", "h1") == 1
    undo = [net.network.fail_in_mesh(edge) for edge in (("r0", "r1"), ("r1", "r0"))]
    assert net.took("h0", "h1") == BLOCKED
    net.world.run(net.world.now_ns + 3 * 10**9)
    assert net.took("h0", "h1") == 7
    for each in undo:
        each()
        each()
    assert net.took("h0", "h1") == 7
    net.world.run(net.world.now_ns + 3 * 10**9)
    assert net.took("h0", "h1") == 1


def test_where_there_is_no_way_a_router_says_so():
    net = Net(ring())
    undo = net.network.fail_in_mesh("r1")
    assert net.took("h0", "h1") == REJECTED
    assert net.took("h0", "h2") == 6
    undo()
    assert net.took("h0", "h1") == 1


def test_a_router_that_fails_twice_is_up_when_both_are_mended():
    net = Net(ring())
    undos = [net.network.fail_in_mesh("r1") for _ in range(2)]
    undos[0]()
    assert net.took("h0", "h2") == 6
    undos[1]()
    assert net.took("h0", "h2") == 2


def test_a_link_may_fail_in_one_direction():
    net = Net(ring())
    net.network.fail_in_mesh(("r0", "r1"))
    assert (net.took("h0", "h1"), net.took("h1", "h0")) == (7, 1)
    with pytest.raises(KeyError):
        net.network.fail_in_mesh(("r0", "r2"))


def test_packets_wait_in_the_queue_of_each_link():
    graph = nx.Graph()
    graph.add_edge("h0", "r", link=link(1, bandwidth=8_000_000))  # 1 ms for 1,000 bytes
    graph.add_edge("r", "h1", link=link(1, bandwidth=4_000_000))
    net = Net(graph)
    assert net.send("h0", "h1", 1_000, 4) == [5, 7, 9, 11]


def test_a_second_queue_as_fast_as_the_first_never_fills():
    # M/D/1 and then again: what leaves the first is spaced already, so all waiting is in the first.
    graph = nx.Graph()
    for one, other in (("h0", "r0"), ("r0", "r1"), ("r1", "h1")):
        graph.add_edge(one, other, link=link(0, bandwidth=8_000_000))
    net = Net(graph)
    stream, at, took = net.world.stream("test"), 0, []
    path = net.network.path(net.hosts["h0"], net.hosts["h1"])

    def send():
        begin = net.world.now_ns
        path.carry(1_000, lambda arrival: took.append(arrival - begin))

    for _ in range(5_000):
        at += round(stream.exponential(10**6 / 0.7))
        net.world.post(at, net.world.control, send)
    net.world.run(at + 10**9)
    waited = sum(took) / len(took) / MS - 3
    assert waited == pytest.approx(0.7 / (2 * (1 - 0.7)), rel=0.1)


def test_the_far_and_the_near_share_a_link_in_the_order_in_which_they_reach_it():
    graph = nx.Graph()
    graph.add_edge("h0", "r", link=link(100))
    graph.add_edge("h1", "r", link=link(1))
    graph.add_edge("r", "h2", link=link(0, bandwidth=8_000_000))
    net = Net(graph)
    heard = []
    for name in ("h0", "h1"):
        net.network.path(net.hosts[name], net.hosts["h2"]).carry(1_000, lambda at, name=name: heard.append((name, at)))
    net.world.run(10**9)
    assert heard == [("h1", 2 * MS), ("h0", 101 * MS)]


def test_loss_and_bursts_of_each_link_add_up():
    graph = nx.Graph()
    graph.add_edge("h0", "r", link=link(1, loss=0.1))
    graph.add_edge("r", "h1", link=link(1, bursts=Bursts.of_mean(0.2, 3)))
    lost = Net(graph).send("h0", "h1", 100, 20_000).count(LOST)
    assert lost / 20_000 == pytest.approx(1 - 0.9 * 0.8, rel=0.06)


def test_a_packet_takes_its_draws_whether_or_not_it_is_cut_off():
    def after(cut):
        graph = nx.Graph()
        graph.add_edge("h0", "r", link=Link(one_way=Uniform(MS, 9 * MS)))
        graph.add_edge("r", "h1", link=Link(one_way=Uniform(MS, 9 * MS), loss=0.3))
        net = Net(graph)
        undo = net.network.cut([["h0"], ["h1"]]) if cut else None
        net.send("h0", "h1", 100, 20)
        if undo is not None:
            undo()
        return net.send("h0", "h1", 100, 20)

    assert after(True) == after(False)


def test_streams_go_on_when_a_link_on_their_way_fails(new_site):
    site = new_site(Topology(link(50), mesh=Mesh(ring(bandwidth=10**7), convergence_ns=500 * MS)))
    got = []

    async def take(reader, writer):
        while data := await reader.read(1 << 16):
            got.append((site.ms, len(data)))
        writer.close()

    async def serve(host):
        server = await asyncio.start_server(take, port=80)
        await server.serve_forever()

    async def give(host):
        _, writer = await asyncio.open_connection("h2", 80)
        for _ in range(100):
            writer.write(bytes(50_000))
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    site.host("h2", serve)
    site.host("h0", give)
    for edge in (("r0", "r1"), ("r1", "r0")):
        site.at(1, site.network.fail_in_mesh, edge)
    site.run(30)
    assert sum(size for _, size in got) == 5_000_000
    silent = [later - earlier for (earlier, _), (later, _) in pairwise(got)]
    assert 300 < max(silent) < 3_000
    assert got[-1][0] > 1_500
