"""The injector on a world of bare hosts: when faults strike, whom, and what keeps them from it.

Faults and events are made up here; what real faults do is in `tests/faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from simkit.card import TakenRole
from simkit.fault import Act, Condition, Plan
from simkit.hosts.fault_point import fault_point
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.language.budget import Allowance
from simkit.language.injection import read_injection
from simkit.language.injector import Injector
from simkit.language.model import ClockModel
from simkit.language.presence import RoleBook
from simkit.language.roster import HostEntry, Roster
from simkit.language.text import read_text
from simkit.network.network import Network
from simkit.node import Event

SECOND = 10**9


class Elected(Event, tag="elected"):
    term: int
    shard: int = 0


class SteppedDown(Event, tag="stepped_down"):
    shard: int = 0


class Kill(Condition):
    word = "kill"

    @contextmanager
    def hold(self, arena: Any, targets: tuple[Host, ...]) -> Iterator[None]:
        cause = object()
        for host in targets:
            host.hold(cause, "kill")
        yield
        for host in targets:
            host.release(cause)


class Slow(Kill):
    word = "slow"
    disables = False


class Nudge(Act):
    word = "nudge"

    def strike(self, arena: Any, targets: Any) -> None: ...


class Tour(Plan):
    word = "tour"

    async def carry_out(self, arena: Any, targets: Any) -> None: ...


class Split(Condition):
    word = "split"
    target = "groups"

    @contextmanager
    def hold(self, arena: Any, targets: Any) -> Iterator[None]:
        yield


FAULTS = {fault.word: fault for fault in (Kill, Slow, Nudge, Tour, Split)}


class Scene:
    """Six stores in two zones and three racks, and the faults of a text."""

    def __init__(self, faults: str, *, program: Any = None, seed: int = 1, **options: Any) -> None:
        self.world = World(seed)
        entries = tuple(
            HostEntry(f"s-{n}", "s", n, n, "store", "ab"[n % 2], "ideal", 1, ClockModel(), rack=f"r{n % 3}")
            for n in range(6)
        )
        roster = Roster(entries, {})
        self.hosts = {e.name: Host(self.world, e.name, index=e.index, program=program or _idle) for e in entries}
        network = Network(self.world)
        for host in self.hosts.values():
            network.attach(host)
        problems: list[Any] = []
        section = read_text(faults, "my.yaml")
        injections = [read_injection(name, entry, FAULTS, problems) for name, entry in section.entries.items()]
        assert problems == []
        roles = options.pop("roles", {})
        self.injector = Injector(
            self.world, self.hosts, network, roster, injections, book=RoleBook(self.world, roles), **options
        )
        for host in self.hosts.values():
            host.boot()
        self.injector.start()

    def run(self, seconds: float) -> list[tuple[float, str, tuple[str, ...]]]:
        """Run until then; return every strike so far: when, which fault, whom."""
        self.world.run(round(seconds * SECOND))
        return [(s.begin_ns / SECOND, s.injection.name, s.targets) for s in self.injector.strikes]

    def emit(self, host: str, event: Event) -> None:
        self.world.records.write("event", host, type(event).__struct_config__.tag, value=event)


async def _idle(host: Host) -> None:
    await host.loop.create_future()


@pytest.fixture
def scene() -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(*given: Any, **options: Any) -> Scene:
        made.append(Scene(*given, **options))
        return made[-1]

    yield make
    for each in made:
        each.world.close()


# -- whom


@pytest.mark.parametrize(
    ("phrase", "possible"),
    [
        ("zone a", {("s-0", "s-2", "s-4")}),
        ("rack r1", {("s-1", "s-4")}),
        ("r1", {("s-1", "s-4")}),
        ("s in r1", {("s-1", "s-4")}),
        ("any zone", {("s-0", "s-2", "s-4"), ("s-1", "s-3", "s-5")}),
        ("any rack", {("s-0", "s-3"), ("s-1", "s-4"), ("s-2", "s-5")}),
        ("s in any rack", {("s-0", "s-3"), ("s-1", "s-4"), ("s-2", "s-5")}),
        ("s but s-3", {("s-0", "s-1", "s-2", "s-4", "s-5")}),
        ("s but zone a", {("s-1", "s-3", "s-5")}),
        ("any 5 of s but s-3", {("s-0", "s-1", "s-2", "s-4", "s-5")}),
    ],
)
def test_places_and_exceptions(scene: Any, phrase: str, possible: set[tuple[str, ...]]) -> None:
    struck = {scene(f"f: {{nudge: {phrase}, at: 1s}}", seed=seed).run(2)[0][2] for seed in range(25)}
    assert struck == possible


def test_a_share_of_those_without_some_is_a_share_of_all(scene: Any) -> None:
    for seed in range(20):
        [(_, _, struck)] = scene("f: {nudge: minority of s but s-0, at: 1s}", seed=seed).run(2)
        assert len(struck) == 2
        assert "s-0" not in struck


ROLES = {"leader": TakenRole(Elected, SteppedDown, order="term")}


def test_a_role_is_held_by_the_last_who_took_it(scene: Any) -> None:
    one = scene("f: {nudge: leader, every: 10s}", roles=ROLES)
    one.emit("s-1", Elected(term=1))
    assert one.run(11)[-1] == (10, "f", ("s-1",))
    one.emit("s-2", Elected(term=3))
    one.emit("s-3", Elected(term=2))  # too late: others have gone on
    assert one.run(21)[-1] == (20, "f", ("s-2",))


def test_a_fault_waits_for_a_role_that_nobody_holds(scene: Any) -> None:
    one = scene("f: {nudge: leader, every: 10s, times: 2}", roles=ROLES)
    assert one.run(15) == []
    one.emit("s-4", Elected(term=1))
    assert one.run(16) == [(15, "f", ("s-4",))]
    one.emit("s-4", SteppedDown())
    assert len(one.run(25)) == 1
    one.emit("s-5", Elected(term=2))
    assert one.run(26)[-1] == (25, "f", ("s-5",))


def test_a_role_of_something(scene: Any) -> None:
    roles = {"leader": TakenRole(Elected, order="term", scope="shard", of="range")}
    one = scene("f: {nudge: leader of range 7, at: 1s}\ng: {nudge: s but leader of range 2, at: 1s}", roles=roles)
    one.emit("s-1", Elected(term=1, shard=2))
    one.emit("s-2", Elected(term=1, shard=7))
    assert one.run(2) == [(1, "f", ("s-2",)), (1, "g", ("s-0", "s-2", "s-3", "s-4", "s-5"))]


def test_nobody_listens_to_roles_that_no_target_names(scene: Any) -> None:
    assert scene("f: {nudge: s-1, at: 1s}", roles=ROLES).world.records._observers["event"] == ()


# -- when


def test_there_is_the_host_where_the_event_was(scene: Any) -> None:
    one = scene("f: {nudge: there, at: 2nd elected}\ng: {nudge: s but there, at: 1s after 2nd elected on zone b}")
    one.run(0)
    for host in ("s-0", "s-1", "s-3"):
        one.emit(host, Elected(term=1))
    assert one.run(2) == [(0, "f", ("s-1",)), (1, "g", ("s-0", "s-1", "s-2", "s-4", "s-5"))]


async def _stepping(host: Host) -> None:
    while True:
        for name in ("write", "sync"):
            await fault_point(name)
            LOG.append((host.world.now_ns // SECOND, host.name, name))
        await host.loop.create_task(_second(host))


async def _second(host: Host) -> None:
    future = host.loop.create_future()
    host.loop.call_later(1, future.set_result, None)
    await future


LOG: list[tuple[int, str, str]] = []


@pytest.mark.parametrize(
    ("moment", "last", "when"),
    [
        ("3rd point write on s-1", "sync", 2),
        ("3rd point sync on s-1", "write", 2),
        ("when point sync on s-1", "write", 0),
        ("4th point on s-1", "write", 1),
    ],
)
def test_a_crash_at_a_point_happens_within_the_step(scene: Any, moment: str, last: str, when: int) -> None:
    LOG.clear()
    one = scene(f"f: {{kill: there, at: {moment}, for: 1h}}", program=_stepping)
    assert one.run(10) == [(when, "f", ("s-1",))]
    assert [entry for entry in LOG if entry[1] == "s-1"][-1][2] == last
    assert one.hosts["s-1"].state == "down"


def test_points_are_counted_over_all_hosts_meant_and_a_delay_leaves_the_step_alone(scene: Any) -> None:
    LOG.clear()
    one = scene("f: {kill: there, at: 1s after 7th point sync, for: 1s}", program=_stepping)
    [(when, _, (host,))] = one.run(4)
    assert when == 2
    assert (1, host, "sync") in LOG
    assert one.hosts[host].incarnation == 2


def test_a_fault_at_a_point_may_come_again(scene: Any) -> None:
    one = scene("f: {kill: there, at: 1st point sync on s-2, every: 5s, times: 3, for: 1s}", program=_stepping)
    assert [when for when, _, _ in one.run(30)] == [0, 5, 10]
    assert one.hosts["s-2"].incarnation == 4


def test_a_fault_that_fails_at_a_point_does_not_reach_the_program(scene: Any) -> None:
    failed: list[Any] = []
    one = scene("f: {kill: s-1, at: 1st point sync on s-2, for: 1s}", program=_stepping)
    one.world.control.set_exception_handler(lambda _, context: failed.append(context["exception"]))
    one.hosts["s-1"].hold = None  # type: ignore[method-assign]
    one.run(3)
    assert len(failed) == 1
    assert one.hosts["s-2"].state == "up"


# -- what keeps faults away

STORES = frozenset(f"s-{n}" for n in range(6))


def down_at_most(one: Scene, seconds: int) -> int:
    most = 0
    for tenth in range(seconds * 10):
        one.world.run(tenth * SECOND // 10)
        most = max(most, sum(host.state == "down" for host in one.hosts.values()))
    return most


STORM = "f: {kill: any 1 of s, every: exp(2s), for: 5s}\ng: {kill: any 2 of s, every: exp(3s), for: 4s}"


def test_a_budget_bounds_how_many_are_down_at_once(scene: Any) -> None:
    assert down_at_most(scene(STORM), 60) > 2
    assert down_at_most(scene(STORM, budget=[Allowance("s", STORES, 2)]), 60) == 2
    assert down_at_most(scene(STORM, budget=[Allowance("s", STORES, 1)]), 60) == 1


def test_a_budget_counts_a_host_for_as_long_as_it_settles(scene: Any) -> None:
    text = "f: {kill: any 1 of s, every: 1s, for: 1ms}"
    plain = {struck for _, _, struck in scene(text).run(30)}
    one = scene(text, budget=[Allowance("s", STORES, 1, 10 * SECOND)])
    struck = one.run(30.5)
    assert len(plain) > 3
    for (before, _, first), (after, _, second) in pairwise(struck):
        assert first == second or after - before > 10


def test_a_strike_beyond_the_budget_takes_fewer_or_is_left_out(scene: Any) -> None:
    text = "a: {kill: s-0, at: 1s, for: 10s}\nb: {kill: any 3 of s but s-5, at: 2s, for: 5s}\n"
    text += "c: {kill: s-5, at: 3s, for: 1s}"
    one = scene(text, budget=[Allowance("s", STORES, 2)])
    struck = one.run(5)
    assert [name for _, name, _ in struck] == ["a", "b"]
    assert one.injector.spared == {"c": 1}
    assert len({*struck[1][2], "s-0"}) == 2


def test_what_takes_nobody_down_has_no_budget(scene: Any) -> None:
    assert len(scene("f: {slow: s, at: 1s, for: 1s}", budget=[Allowance("s", STORES, 1)]).run(2)[0][2]) == 6


def test_a_partition_costs_its_smaller_side(scene: Any) -> None:
    budget = [Allowance("s", STORES, 2)]
    assert len(scene("f: {split: [[s-0, s-1]], at: 1s, for: 1s}", budget=budget).run(3)) == 1
    assert scene("f: {split: [[s-0, s-1, s-2]], at: 1s, for: 1s}", budget=budget).run(3) == []
    later = "k: {kill: any 1 of s, at: 2s, for: 1s}"
    one = scene(f"f: {{split: [[s-0, s-1]], at: 1s, for: 5s}}\n{later}", budget=budget)
    assert one.run(3)[-1][2][0] in ("s-0", "s-1")


def test_a_fault_that_is_left_out_strikes_nobody(scene: Any) -> None:
    text = "f: {nudge: s-0, at: 1s}\ng: {nudge: s-1, at: 1s after f}\nh: {nudge: s-2, at: 3s}"
    assert scene(text, left_out=frozenset({"f"})).run(9) == [(3, "h", ("s-2",))]
