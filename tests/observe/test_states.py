"""Host states follow the records of kind "host"."""

from collections.abc import Callable

from simkit.kernel.world import World
from simkit.observe.states import States

At = Callable[[float], None]


def follow(world: World, at: At, *changes: tuple[float, str]) -> States:
    states = States()
    states.add_host("a")
    world.records.subscribe(("host",), states.observe)
    for seconds, manner in changes:
        at(seconds)
        world.records.write("host", "a", manner)
    return states


def test_a_host_boots_pauses_and_is_killed(world: World, at: At) -> None:
    states = follow(world, at, (0, "boot"), (5, "pause"), (7, "resume"), (8, "stop"), (9, "kill"), (12, "boot"))
    seconds = [(time_ns // 10**9, state) for time_ns, state in states.changes["a"]]
    assert seconds == [(0, "up"), (5, "paused"), (7, "up"), (9, "down"), (12, "up")]
    assert [states.at("a", round(moment * 1e9)) for moment in (0, 6, 11.9, 12)] == ["up", "paused", "down", "up"]


def test_a_host_is_down_until_it_boots(world: World, at: At) -> None:
    states = follow(world, at, (3, "boot"))
    assert states.changes["a"] == [(0, "down"), (3 * 10**9, "up")]
    assert states.at("nobody", 5) == "down"


def test_resuming_what_is_down_does_not_raise_it(world: World, at: At) -> None:
    states = follow(world, at, (0, "boot"), (1, "pause"), (2, "power_cut"), (3, "resume"))
    assert states.changes["a"][-1] == (2 * 10**9, "down")
