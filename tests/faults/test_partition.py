"""Shapes of partitions, flapping links and swizzle-clogging: who reaches whom, when, and that all do in the end.

Packets are asked of the paths themselves; what protocols make of it is deliberately left to the systems' scenarios.
"""

from itertools import pairwise

import pytest

from simkit.fault import Arena
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.language.units import Duration, read_distribution
from simkit.network.network import Network
from simkit.network.path import BLOCKED, REJECTED
from simkit_faults.flapping import Flap, Swizzle
from simkit_faults.partition import Bridge, Isolate, Ring

SECOND = 10**9


@pytest.fixture
def clusters():
    """Make as many clusters of hosts s-0, s-1, ... with one client as a test needs."""
    made = []

    def make(count, seed=1):
        world = World(seed)
        network = Network(world)
        names = [*(f"s-{number}" for number in range(count)), "client"]
        hosts = {name: Host(world, name, index=index, group=name[0]) for index, name in enumerate(names)}
        for host in hosts.values():
            network.attach(host)
            host.boot()
        made.append(world)
        return Arena(world, hosts, network, world.stream("fault/test"))

    yield make
    for world in made:
        world.close()


def servers(arena):
    return tuple(host for name, host in arena.hosts.items() if name != "client")


def reached(arena, source):
    """Return the servers that a packet from `source` gets to, itself included."""
    return frozenset(
        target.name
        for target in servers(arena)
        if arena.network.path(arena.hosts[source], target).transit(100) not in (BLOCKED, REJECTED)
    )


def views(arena):
    return {host.name: reached(arena, host.name) for host in servers(arena)}


def everybody(arena):
    return frozenset(host.name for host in servers(arena))


def test_isolated_hosts_reach_nobody_not_even_each_other(clusters):
    arena = clusters(5)
    with Isolate().hold(arena, servers(arena)[:2]):
        assert [len(seen) for seen in views(arena).values()] == [1, 1, 3, 3, 3]
        assert reached(arena, "s-0") == {"s-0"}
        assert reached(arena, "client") == {"s-2", "s-3", "s-4"}
    assert set(views(arena).values()) == {everybody(arena)}


@pytest.mark.parametrize(("direction", "hears", "is_heard"), [("in", False, True), ("out", True, False)])
def test_isolation_of_one_direction_leaves_the_other(clusters, direction, hears, is_heard):
    arena = clusters(3)
    with Isolate(direction=direction).hold(arena, servers(arena)[:1]):
        assert ("s-0" in reached(arena, "s-1")) == hears
        assert ("s-1" in reached(arena, "s-0")) == is_heard


def told(arena):
    """Return the directed links of servers that faults say they cut."""
    names = [host.name for host in servers(arena)]
    ends = [(source or names, target or names, both) for source, target, both in arena.cuts]
    there = {(a, b) for source, target, _ in ends for a in source for b in target if a != b}
    return there | {(b, a) for source, target, both in ends if both for a in source for b in target if a != b}


@pytest.mark.parametrize(
    "fault", [Isolate(), Isolate(direction="in"), Isolate(direction="out"), Bridge(), Ring(), Ring(reach=2)], ids=str
)
def test_a_fault_tells_the_links_that_it_cuts(clusters, fault):
    arena = clusters(7)
    struck = servers(arena)[:2] if isinstance(fault, Isolate) else servers(arena)
    with fault.hold(arena, struck):
        seen = views(arena)
        assert told(arena) == {(a, b) for a in seen for b in everybody(arena) - seen[a]}


def test_isolation_can_reject(clusters):
    arena = clusters(3)
    path = arena.network.path(arena.hosts["client"], arena.hosts["s-0"])
    with Isolate(reject=True).hold(arena, servers(arena)[:1]):
        assert path.transit(100) == REJECTED


def test_a_bridge_is_seen_by_both_halves_that_do_not_see_each_other(clusters):
    arena = clusters(5)
    with Bridge().hold(arena, servers(arena)):
        seen = views(arena)
        (bridge,) = [name for name, those in seen.items() if those == everybody(arena)]
        halves = {those - {bridge} for name, those in seen.items() if name != bridge}
        assert sorted(map(len, halves)) == [2, 2]
        assert frozenset().union(*halves) == everybody(arena) - {bridge}
        assert reached(arena, "client") == everybody(arena)
    assert set(views(arena).values()) == {everybody(arena)}


@pytest.mark.parametrize("count", [4, 5, 6, 7, 9])
def test_in_a_ring_everybody_sees_a_majority_and_no_two_the_same(clusters, count):
    arena = clusters(count)
    with Ring().hold(arena, servers(arena)):
        seen = views(arena)
        assert all(name in those and count // 2 < len(those) < count for name, those in seen.items())
        assert len(set(seen.values())) == count
        assert all(b in seen[a] for b in seen for a in seen[b])
    assert set(views(arena).values()) == {everybody(arena)}


def test_the_reach_of_a_ring_can_be_set(clusters):
    arena = clusters(7)
    with Ring(reach=1).hold(arena, servers(arena)):
        assert {len(those) for those in views(arena).values()} == {3}


def test_shapes_are_drawn_anew_with_another_seed(clusters):
    seen = set()
    for seed in range(8):
        arena = clusters(5, seed)
        with Bridge().hold(arena, servers(arena)):
            seen.add(next(name for name, those in views(arena).items() if len(those) == 5))
    assert len(seen) > 2


def test_two_shapes_at_once_are_undone_in_either_order(clusters):
    for order in (1, -1):
        arena = clusters(5)
        holds = [Ring().hold(arena, servers(arena)), Isolate().hold(arena, servers(arena)[:1])]
        for hold in holds:
            hold.__enter__()
        assert reached(arena, "s-0") == {"s-0"}
        first, second = holds[::order]
        first.__exit__(None, None, None)
        assert set(views(arena).values()) != {everybody(arena)}
        second.__exit__(None, None, None)
        assert set(views(arena).values()) == {everybody(arena)}


# -- what comes and goes


def changes(arena, until_s, source="s-0", step_ns=SECOND // 10):
    """Return when the view of a server changes, in tenths of a second, and what it is from then on."""
    found = []
    for tenth in range(until_s * 10 + 1):
        arena.world.run(tenth * step_ns)
        seen = reached(arena, source)
        if not found or found[-1][1] != seen:
            found.append((tenth / 10, seen))
    return found


def links(arena, source, target):
    a, b = arena.hosts[source], arena.hosts[target]
    return ((a, b), (b, a))


def test_a_flapping_link_is_down_and_up_by_turns_and_up_in_the_end(clusters):
    arena = clusters(2)
    flap = Flap(down=read_distribution("1s"), up=read_distribution("2s"))
    with flap.hold(arena, links(arena, "s-0", "s-1")):
        found = [(when, len(seen)) for when, seen in changes(arena, 8)]
        assert found == [(0.0, 1), (1.0, 2), (3.0, 1), (4.0, 2), (6.0, 1), (7.0, 2)]
    with flap.hold(arena, links(arena, "s-0", "s-1")):
        assert reached(arena, "s-0") == {"s-0"}
    arena.world.run(100 * SECOND)
    assert reached(arena, "s-0") == {"s-0", "s-1"}
    assert arena.network.overlays == []


def test_a_swizzle_cuts_hosts_off_one_by_one_and_brings_them_back_in_another_order(clusters):
    orders = set()
    for seed in range(6):
        arena = clusters(4, seed)
        swizzle = Swizzle(over=Duration.parse("10s"), keep=Duration.parse("5s"))
        arena.world.control.create_task(swizzle.carry_out(arena, servers(arena)))
        found = changes(arena, 30, source="client")
        sizes = [len(seen) for _, seen in found]
        assert sizes[0] == 4
        assert sorted(arena.cuts) == [((host.name,), (), True) for host in servers(arena)]
        assert sizes[-1] == 0 or 0 in sizes
        assert all(abs(after - before) >= 1 for before, after in pairwise(sizes))
        whole_from = found[-1][0]
        assert 15 <= whole_from <= 25
        assert sizes[-1] == 4
        assert arena.network.overlays == []
        orders.add(tuple(sizes))
        went = [sorted(a - b) for (_, a), (_, b) in pairwise(found) if a - b]
        came = [sorted(b - a) for (_, a), (_, b) in pairwise(found) if b - a]
        orders.add((str(went), str(came)))
    assert len(orders) > 6
