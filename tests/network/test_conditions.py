"""Conditions that faults lay over the network: what they do, and that undoing them restores exactly what was."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.hosts.host import Host
from simkit.kernel import Constant, Uniform, World
from simkit.network import Everything, Link, Network, Topology, between, pairs, touching
from simkit.network.flaw import Bursts, Corruption, Duplication, Reordering
from simkit.network.path import BLOCKED, LOST, OVERFLOWED, REJECTED

MS = 10**6


def three_hosts(link=None, seed=1, **options):
    """Return a network with hosts a and b of one group and c of another zone."""
    world = World(seed)
    network = Network(world, link or Link(one_way=Uniform(1 * MS, 9 * MS), loss=0.05), **options)
    hosts = {}
    for index, (name, group, zone) in enumerate([("a", "g", "east"), ("b", "g", "east"), ("c", "h", "west")]):
        hosts[name] = Host(world, name, index=index, group=group, zone=zone)
        network.attach(hosts[name])
    return network, hosts


def crossing(network, hosts):
    """Return which ordered pairs get a packet through."""
    return {s + t for s in hosts for t in hosts if s != t and network.path(hosts[s], hosts[t]).transit(100) >= 0}


ALL = {"ab", "ac", "ba", "bc", "ca", "cb"}


@pytest.mark.parametrize(
    ("cut", "left"),
    [
        ({"groups": [["a", "b"], ["c"]]}, {"ab", "ba"}),
        ({"groups": [["g"], ["h"]]}, {"ab", "ba"}),
        ({"groups": [["east"], ["west"]]}, {"ab", "ba"}),
        ({"groups": [["a"], ["b"]]}, ALL - {"ab", "ba"}),
        ({"groups": [["a"], ["b"]], "one_way": True}, ALL - {"ab"}),
        ({"groups": [["a"], ["east", "west"]]}, {"bc", "cb"}),
        ({"pairs": [("a", "c")]}, ALL - {"ac", "ca"}),
        ({"pairs": [("west", "a")], "one_way": True}, ALL - {"ca"}),
        ({"selector": touching("a")}, {"bc", "cb"}),
        ({"selector": Everything()}, set()),
    ],
)
def test_a_cut_takes_away_what_it_covers_and_gives_it_back(cut, left):
    network, hosts = three_hosts(Link(one_way=Constant(MS)))
    undo = network.cut(**cut)
    assert crossing(network, hosts) == left
    undo()
    assert crossing(network, hosts) == ALL
    undo()
    assert network.overlays == []


def test_a_host_always_reaches_itself():
    network, hosts = three_hosts()
    network.cut(selector=Everything())
    assert network.path(hosts["a"], hosts["a"]).transit(100) == 15_000


def test_a_silent_cut_stands_before_a_rejecting_one_in_either_order():
    network, hosts = three_hosts(Link(one_way=Constant(MS)))
    path = network.path(hosts["a"], hosts["c"])
    for order in ((True, False), (False, True)):
        undos = [network.cut([["a"], ["c"]], reject=reject) for reject in order]
        assert path.transit(1) == BLOCKED
        undos[order.index(False)]()
        assert path.transit(1) == REJECTED
        undos[order.index(True)]()
        assert path.transit(1) == MS


def test_added_latency_adds_up():
    network, hosts = three_hosts(Link(one_way=Constant(MS)))
    path = network.path(hosts["a"], hosts["b"])
    network.add_latency(pairs([("a", "b")], one_way=True), Constant(5 * MS))
    network.add_latency(touching("a"), Constant(7 * MS))
    assert path.transit(1) == 13 * MS
    assert network.path(hosts["b"], hosts["a"]).transit(1) == 8 * MS


def test_certain_loss_loses_everything():
    network, hosts = three_hosts(Link(one_way=Constant(MS)))
    network.add_loss(touching("c"), 1.0)
    assert network.path(hosts["a"], hosts["c"]).transit(1) == LOST
    assert network.path(hosts["a"], hosts["b"]).transit(1) == MS


def test_a_long_packet_is_lost_when_one_of_its_frames_is():
    network, hosts = three_hosts(Link(one_way=Constant(MS), loss=0.01))
    path = network.path(hosts["a"], hosts["b"])
    losses = [sum(path.transit(size) == LOST for _ in range(5_000)) / 5_000 for size in (1_514, 15_140)]
    assert losses[0] == pytest.approx(0.01, rel=0.5)
    assert losses[1] == pytest.approx(1 - 0.99**10, rel=0.2)


def test_bottlenecks_stand_in_a_row_and_their_queues_have_an_end():
    network, hosts = three_hosts(Link(one_way=Constant(MS), queue_limit=1_000))
    path = network.path(hosts["a"], hosts["b"])
    undos = [network.limit_bandwidth(Everything(), bits) for bits in (8_000_000, 800_000)]
    assert path.transit(1_000) == 1 * MS + 10 * MS + MS
    assert path.transit(1_000) == 1 * MS + 20 * MS + MS
    undos[1]()
    assert path.transit(1_000) == OVERFLOWED
    undos[0]()
    assert path.transit(1_000) == MS


def test_pairs_of_two_zones_share_a_pipe_and_pairs_of_hosts_do_not():
    topology = Topology(Link(one_way=Constant(0), bandwidth=8_000_000))
    topology.connect("east", "west", Link(one_way=Constant(0), bandwidth=8_000_000))
    network, hosts = three_hosts(topology)
    assert [network.path(hosts[s], hosts["c"]).transit(1_000) for s in "ab"] == [1 * MS, 2 * MS]
    assert [network.path(hosts[s], hosts[t]).transit(1_000) for s, t in ("ab", "ba", "ca")] == [MS, MS, MS]


LAYERS = st.sampled_from(
    [
        lambda network: network.cut([["a"], ["b", "c"]]),
        lambda network: network.cut(pairs=[("a", "b")], one_way=True, reject=True),
        lambda network: network.add_latency(touching("a"), Uniform(1 * MS, 2 * MS)),
        lambda network: network.add_latency(Everything(), Constant(3 * MS), name="slow"),
        lambda network: network.add_loss(between([["a", "b"], ["c"]]), 0.5),
        lambda network: network.add_loss(Everything(), 0.2, name="rain"),
        lambda network: network.limit_bandwidth(Everything(), 10**9),
        lambda network: network.limit_bandwidth(touching("c"), 10**8),
        lambda network: network.limit_packets(touching("a"), 900),
        lambda network: network.limit_packets(Everything(), 1_200, silent=True),
        lambda network: network.add_flaw(Everything(), Duplication(0.5)),
        lambda network: network.add_flaw(touching("b"), Reordering(0.5, Constant(3 * MS)), name="mixed"),
        lambda network: network.add_flaw(Everything(), Corruption(0.5), name="noise"),
        lambda network: network.add_flaw(touching("c"), Bursts(0.1, 0.5), name="bursts"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(LAYERS, max_size=6), data=st.data())
def test_undone_in_any_order_every_step_leaves_exactly_what_the_others_say(layers, data):
    network, hosts = three_hosts()
    undos = [(layer, layer(network)) for layer in layers]
    while undos:
        _, undo = undos.pop(data.draw(st.integers(0, len(undos) - 1)))
        undo()
        fresh, fresh_hosts = three_hosts()
        for layer, _ in undos:
            layer(fresh)
        assert conditions(network, hosts) == conditions(fresh, fresh_hosts)
    assert conditions(network, hosts) == conditions(*three_hosts())


def conditions(network, hosts):
    """Return everything that decides about packets on each path, streams by their names."""
    told = []
    for s in hosts:
        for t in hosts:
            path = network.path(hosts[s], hosts[t])
            path.transit(1)
            held = path._conditions
            latencies = [(extra, stream.name) for extra, stream in held.latencies]
            losses = [(loss, stream.name) for loss, stream in held.losses]
            bandwidths = [bandwidth for bandwidth, _ in held.bottlenecks]
            flaws = [flawing._flaw for flawing in held.flaws]
            sizes = (held.hole, held.mtu, path.frame_bytes, path.shaped)
            told.append((path.name, path._plain, bandwidths, held.cut, held.rejected, latencies, losses, flaws, sizes))
    return told


@settings(max_examples=30, deadline=None)
@given(layers=st.lists(LAYERS, min_size=1, max_size=4))
def test_faults_move_no_draw_of_the_paths_themselves(layers):
    calm, calm_hosts = three_hosts(Link(one_way=Uniform(1 * MS, 9 * MS)))
    stormy, stormy_hosts = three_hosts(Link(one_way=Uniform(1 * MS, 9 * MS)))

    def latencies(network, hosts):
        return [network.path(hosts["a"], hosts["b"]).transit(100) for _ in range(5)]

    latencies(calm, calm_hosts)
    undos = [layer(stormy) for layer in layers]
    latencies(stormy, stormy_hosts)
    for undo in undos:
        undo()
    assert latencies(calm, calm_hosts) == latencies(stormy, stormy_hosts)


def test_an_untouched_path_has_the_same_latencies_with_and_without_a_partition(new_site):
    def arrivals(with_partition):
        site = new_site(Link(one_way=Uniform(1 * MS, 9 * MS)))
        heard = []

        async def listen(host):
            async def serve(reader, writer):
                while line := await reader.readline():
                    if host.name == "c":
                        heard.append((line, site.ms))
                writer.close()

            server = await asyncio.start_server(serve, port=80)
            await server.serve_forever()

        async def talk(host):
            for name in "bc":
                _, writer = await asyncio.open_connection(name, 80)
                host.loop.create_task(chatter(writer))
            await asyncio.sleep(50)

        async def chatter(writer):
            for number in range(50):
                writer.write(b"%d\n" % number)
                await asyncio.sleep(0.1)
            writer.close()

        site.host("b", listen)
        site.host("c", listen)
        site.host("a", talk)
        if with_partition:
            site.at(1, lambda: site.network.cut([["a"], ["b"]]))
        site.run(20)
        return heard

    assert len(arrivals(True)) == 50
    assert arrivals(True) == arrivals(False)


def test_a_condition_that_makes_no_sense_is_refused():
    network, _ = three_hosts()
    with pytest.raises(ValueError, match="exactly one"):
        network.cut()
    with pytest.raises(ValueError, match="two groups"):
        network.cut([["a"]])
    with pytest.raises(ValueError, match="two groups of one"):
        network.cut([["a"], ["a", "b"]])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        network.add_loss(Everything(), 1.5)
    with pytest.raises(ValueError, match="positive"):
        network.limit_bandwidth(Everything(), 0)
