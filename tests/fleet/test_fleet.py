"""A fleet against its devices as nodes of their own; and what the end, a pause, a cut or a share that is down does."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from simkit.fleet import Batch, Column, Devices, Fleet, FleetConfig, Streams, Times, Values
from simkit.kernel import Constant
from simkit.kernel.core import compiled
from simkit.language.units import Duration, Fraction
from simkit.network import Message, handles
from simkit.network.link import Link
from simkit.node import Node

MS = 1_000_000
PATIENCE_NS = 30 * MS
MEAN_NS = 200e6
Told = list[tuple[int, int, str]]


class Reading(Batch, tag="test.fleet.reading/1"):
    celsius: Values

    tick_ns = 1


class Noted(Batch, tag="test.fleet.noted/1"):
    tick_ns = 1


class Server(Node):
    """Answers all but hot readings, and counts them."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, list[int]]] = []

    @handles(Reading)
    def reading(self, batch: Reading) -> None:
        self.heard.append((self.clock.monotonic_ns(), batch.devices.array.tolist()))
        self.network.send(self.network.sender, Noted(batch.devices.array[batch.celsius.array < 0.7]))


class Sensors(Fleet):
    """Each device measures now and then, waits for an answer, and goes on without one when it takes too long."""

    states = ("idle", "waiting")
    last = Column("f8", -1)
    told: Told

    def __init__(self) -> None:
        super().__init__()
        self.told = []

    def note(self, devices: Devices, times_ns: Any, what: str) -> None:
        times_ns = np.broadcast_to(times_ns, len(devices))
        self.told += [(t, d, what) for t, d in zip(times_ns.tolist(), devices.tolist(), strict=True)]

    def begin(self, devices: Devices) -> None:
        self.rest(devices, self.now_ns)

    def rest(self, devices: Devices, from_ns: int | Times) -> None:
        self.enter(devices, "idle")
        pause_ns = np.rint(self.draws("pause").exponential(devices, MEAN_NS)).astype(np.int64)
        self.wake(devices, from_ns + pause_ns)

    def woke(self, devices: Devices, due_ns: Times) -> None:
        idle = self.is_in(devices, "idle")
        self.note(devices[~idle], due_ns[~idle], "gave up")
        self.rest(devices[~idle], due_ns[~idle])
        devices, due_ns = devices[idle], due_ns[idle]
        self.note(devices, due_ns, "measured")
        self.last[devices] = self.draws("celsius").random(devices)
        self.enter(devices, "waiting")
        self.wake(devices, due_ns + PATIENCE_NS)
        self.network.send("server", Reading(devices, self.last[devices]))

    @handles(Noted)
    def noted(self, batch: Noted) -> None:
        devices = batch.devices.array[self.is_in(batch.devices.array, "waiting")]
        self.note(devices, self.now_ns, "noted")
        self.rest(devices, self.now_ns)


class Single(Message, tag="test.single/1"):
    celsius: float


class Thanks(Message, tag="test.thanks/1"):
    pass


class SingleServer(Node):
    @handles(Single)
    def reading(self, reading: Single) -> None:
        if reading.celsius < 0.7:
            self.network.send(self.network.sender, Thanks())


class Sensor(Node):
    """The same device as `Sensors` has many of, as one would write it with asyncio."""

    number: ClassVar[dict[str, int]]
    streams: ClassVar[Callable[[str], Streams]]
    told: ClassVar[Told]

    @property
    def now_ns(self) -> int:
        return self.clock.monotonic_ns()

    def draw(self, name: str, method: str, *given: float) -> float:
        return float(getattr(type(self).streams(name), method)(np.array([self.number[self.name]]), *given)[0])

    async def until(self, at_ns: int) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_at(at_ns / 1e9, future.set_result, None)
        await future

    async def run(self) -> None:
        number = self.number[self.name]
        while True:
            await self.until(self.now_ns + round(self.draw("pause", "exponential", MEAN_NS)))
            self.told.append((self.now_ns, number, "measured"))
            self.answer = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_at((self.now_ns + PATIENCE_NS) / 1e9, self.give_up, self.answer)
            self.network.send("server", Single(self.draw("celsius", "random")))
            what = await self.answer
            self.told.append((self.now_ns, number, what))

    @staticmethod
    def give_up(answer: asyncio.Future[str]) -> None:
        if not answer.done():
            answer.set_result("gave up")

    @handles(Thanks)
    def thanked(self, thanks: Thanks) -> None:
        if not self.answer.done():
            self.answer.set_result("noted")


LINK = Link(one_way=Constant(5 * MS))


def config(devices: int, tick_ns: int = 1, **other: Any) -> FleetConfig:
    return FleetConfig(devices=devices, tick=Duration(tick_ns), **other)


def as_nodes(towns: Any, devices: int, until_s: float) -> Told:
    town = towns(LINK)
    town.place("server", SingleServer)
    streams: dict[str, Streams] = {}

    def of(name: str) -> Streams:
        return streams.setdefault(name, Streams(1, f"node/fleet/1/{name}", devices))

    names = {f"sensor-{number}": number for number in range(devices)}
    kind = type("Numbered", (Sensor,), {"number": names, "streams": staticmethod(of), "told": []})
    for name in names:
        town.place(name, kind)
    town.run(until_s)
    return kind.told


def as_fleet(towns: Any, devices: int, until_s: float, **given: Any) -> Told:
    town = towns(LINK)
    town.place("server", Server)
    town.place("fleet", Sensors, config(devices, **given))
    town.run(until_s)
    return town.nodes["fleet"].told


def test_in_exact_order_a_fleet_does_what_its_devices_would_do_as_nodes(towns):
    nodes = as_nodes(towns, 40, 3.0)
    fleet = as_fleet(towns, 40, 3.0)
    assert len(nodes) > 800
    assert {what for _, _, what in nodes} == {"measured", "noted", "gave up"}
    assert sorted(fleet) == sorted(nodes)
    assert [time_ns for time_ns, _, _ in fleet] == sorted(time_ns for time_ns, _, _ in fleet)


@pytest.mark.parametrize("order", ["device", "due"])
def test_devices_keep_their_times_whatever_the_tick(towns, order):
    class Alone(Sensors):
        def woke(self, devices: Devices, due_ns: Times) -> None:
            self.note(devices, due_ns, "woke")
            self.batches.append((devices.tolist(), due_ns.tolist()))
            self.rest(devices, due_ns)

        def __init__(self) -> None:
            super().__init__()
            self.batches: list[tuple[list[int], list[int]]] = []

    told = []
    for tick_ns in (1, 20 * MS):
        town = towns()
        town.place("fleet", Alone, config(300, tick_ns, order=order))
        town.run(2.0)
        told.append(sorted(town.nodes["fleet"].told))
        for devices, due_ns in town.nodes["fleet"].batches:
            assert devices == sorted(devices) if order == "device" else due_ns == sorted(due_ns)
    assert told[0] == told[1]
    assert len(told[0]) > 2500
    largest = max(len(devices) for devices, _ in town.nodes["fleet"].batches)
    assert largest > 10


def test_the_same_seed_is_the_same_run(towns):
    def digest(seed: int) -> str:
        town = towns(Link(loss=0.1), seed)
        town.place("server", Server)
        town.place("fleet", Sensors, config(50, 10 * MS))
        town.run(2.0)
        return town.world.records.digest()

    assert digest(1) == digest(1) != digest(2)


def test_both_cores_do_the_same():
    def told(core: str) -> list[str]:
        script = Path(__file__).with_name("digest.py")
        environment = {**os.environ, "SIMKIT_CORE": core, "PYTHONHASHSEED": "0"}
        done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
        return [line.removeprefix(core) for line in done.stdout.splitlines()]

    if compiled is None:
        pytest.skip("there is no compiled core here")
    assert told("c") == told("python")


# -- what happens to the host happens to its devices


def town_with(towns: Any, link: Link = LINK, **given: Any) -> Any:
    town = towns(link)
    town.place("server", Server)
    town.place("fleet", Sensors, config(100, 10 * MS, **given))
    return town


def test_after_a_kill_devices_begin_anew_with_other_draws(towns):
    town = town_with(towns)
    town.run(1.0)
    first = town.nodes["fleet"]
    town.hosts["fleet"].kill()
    town.run(2.0)
    assert max(time_ns for time_ns, _, _ in first.told) <= 1.0e9
    town.hosts["fleet"].boot()
    town.run(3.0)
    second = town.nodes["fleet"]
    assert min(time_ns for time_ns, _, _ in second.told) >= 2.0e9

    def pause(node: Sensors, since_ns: int) -> int:
        return next(time_ns - since_ns for time_ns, device, _ in node.told if device == 7)

    assert pause(first, 0) != pause(second, 2 * 10**9)


def test_a_paused_fleet_wakes_its_overdue_devices_when_it_goes_on(towns):
    town = town_with(towns)
    town.run(1.0)
    fleet = town.nodes["fleet"]
    before = len(fleet.told)
    town.hosts["fleet"].pause()
    town.run(2.0)
    assert len(fleet.told) == before
    heard = len(town.nodes["server"].heard)
    town.hosts["fleet"].resume()
    town.run(2.011)
    late = fleet.told[before:]
    assert len({device for _, device, _ in late}) > 80
    assert min(time_ns for time_ns, _, _ in late) < 1.1e9  # for when they were due
    assert len(town.nodes["server"].heard) > heard


def test_a_cut_takes_the_whole_fleet_and_heals(towns):
    town = town_with(towns)
    town.run(1.0)
    undo = town.network.cut([["fleet"], ["server"]])
    town.run(1.1)
    heard = len(town.nodes["server"].heard)
    town.run(2.0)
    assert len(town.nodes["server"].heard) == heard
    assert {what for time_ns, _, what in town.nodes["fleet"].told if time_ns > 1.2e9} == {"measured", "gave up"}
    undo()
    town.run(2.5)
    assert len(town.nodes["server"].heard) > heard


def test_a_fleet_goes_by_the_clock_of_its_host(towns):
    def measured(drift_ppb: int) -> list[int]:
        town = towns(LINK)
        town.place("server", Server)
        town.place("fleet", Sensors, config(100, 10 * MS))
        town.hosts["fleet"].clock.set_drift(drift_ppb)
        town.run(2.0)
        return sorted(time_ns for time_ns, _, what in town.nodes["fleet"].told if what == "measured")

    right, fast = measured(0), measured(500_000_000)
    assert len(fast) > 1.3 * len(right)
    assert max(fast) > 2.9e9


# -- a share of the devices


def test_a_share_of_the_devices_can_be_down_and_begins_anew(towns):
    town = town_with(towns)
    town.run(1.0)
    fleet = town.nodes["fleet"]
    fleet.reconfigure(config(100, 10 * MS, down=Fraction(0.3)))
    down = np.flatnonzero(fleet.is_in(np.arange(100), "down"))
    assert 20 < len(down) < 40
    assert town.gauge("fleet", "down") == len(down)
    assert sum(town.gauge("fleet", state) for state in ("idle", "waiting", "down")) == 100
    before = len(fleet.told)
    town.run(2.0)
    assert not {device for _, device, _ in fleet.told[before:]} & set(down.tolist())
    fleet.reconfigure(config(100, 10 * MS, down=Fraction(0.6)))
    assert set(down.tolist()) < set(np.flatnonzero(fleet.is_in(np.arange(100), "down")).tolist())
    fleet.reconfigure(config(100, 10 * MS))
    assert set(fleet.last[down].tolist()) == {-1.0}
    assert town.gauge("fleet", "down") == 0
    before = len(fleet.told)
    town.run(3.5)
    assert set(down.tolist()) <= {device for _, device, _ in fleet.told[before:]}


def test_those_who_are_down_from_the_beginning_do_not_begin(towns):
    town = town_with(towns, down=Fraction(0.5))
    town.run(1.0)
    assert 35 < town.gauge("fleet", "down") < 65
    fleet = town.nodes["fleet"]
    assert not fleet.is_in(np.unique([device for _, device, _ in fleet.told]), "down").any()


def test_who_went_down_is_not_woken_by_a_task_that_does_not_know(towns):
    class Forgetful(Sensors):
        def begin(self, devices: Devices) -> None:
            asyncio.get_running_loop().call_later(1.0, self.wake, devices, 2 * 10**9)

        def woke(self, devices: Devices, due_ns: Times) -> None:
            self.note(devices, due_ns, "woke")

    town = towns()
    town.place("fleet", Forgetful, config(100, 10 * MS))
    town.run(0.5)
    town.nodes["fleet"].reconfigure(config(100, 10 * MS, down=Fraction(0.5)))
    town.run(3.0)
    assert len(town.nodes["fleet"].told) == 100 - town.gauge("fleet", "down")


def test_half_a_year_is_not_too_long_to_sleep(towns):
    class Hibernating(Sensors):
        def begin(self, devices: Devices) -> None:
            self.wake(devices, 180 * 86_400 * 10**9 + devices * (MS // 3))

        def woke(self, devices: Devices, due_ns: Times) -> None:
            self.note(devices, due_ns, "woke")

    for tick_ns in (1, 10 * MS):
        town = towns()
        town.place("fleet", Hibernating, config(1000, tick_ns))
        town.run(181 * 86_400)
        assert [device for _, device, _ in town.nodes["fleet"].told] == list(range(1000))


def test_what_is_for_no_device_is_dropped_and_logged(towns, caplog):
    class Confused(Server):
        @handles(Reading)
        def reading(self, batch: Reading) -> None:
            self.network.send(self.network.sender, Noted(np.append(batch.devices.array, 100)))

    town = towns(LINK)
    town.place("server", Confused)
    town.place("fleet", Sensors, config(100, 10 * MS))
    town.run(0.5)
    assert "test.fleet.noted/1 is for device 100 of 100: dropped" in caplog.text
    assert "noted" in {what for _, _, what in town.nodes["fleet"].told}


# -- what does not fit


@pytest.mark.parametrize("devices", [0, -1, 10_000_001, 10**30])
def test_a_fleet_of_no_size_is_refused(devices):
    with pytest.raises(ValidationError, match="devices"):
        FleetConfig(devices=devices)


def test_a_tick_without_length_is_refused():
    with pytest.raises(ValidationError, match="longer than 0s"):
        FleetConfig(tick=Duration(0))


@pytest.mark.parametrize(
    ("dtype", "initial", "error"),
    [
        ("O", 0, TypeError),
        ("U5", 0, TypeError),
        ("nonsense", 0, TypeError),
        ("(1000000,)f8", 0, TypeError),
        ("u1", 300, ValueError),
        ("u1", -1, ValueError),
        ("i4", 1.5, ValueError),
        ("i4", float("nan"), ValueError),
        ("i8", 2**70, ValueError),
        ("f4", "x", ValueError),
    ],
)
def test_a_column_that_makes_no_sense_is_refused_where_it_is_declared(dtype, initial, error):
    with pytest.raises(error, match="column"):
        Column(dtype, initial)


@pytest.mark.parametrize("states", [("idle", "idle"), ("idle", "down"), tuple(map(str, range(256)))])
def test_states_that_cannot_be_told_apart_are_refused(towns, states):
    town = towns()
    town.place("fleet", type("Broken", (Fleet,), {"states": states}), config(3))
    with pytest.raises(ValueError, match="different words"):
        town.run(1.0)


def test_a_state_that_is_not_there_is_named(towns):
    class Misspelt(Sensors):
        def begin(self, devices: Devices) -> None:
            self.enter(devices, "idel")

    town = towns()
    town.place("fleet", Misspelt, config(3))
    with pytest.raises(KeyError, match=r"no state 'idel'; there are idle, waiting, down"):
        town.run(1.0)


def test_a_fleet_that_wakes_devices_says_what_they_do(towns):
    class Mute(Fleet):
        def begin(self, devices: Devices) -> None:
            self.wake(devices, self.now_ns + 1)

    town = towns()
    town.place("fleet", Mute, config(3))
    with pytest.raises(NotImplementedError, match=r"needs woke\(\)"):
        town.run(1.0)


def test_a_device_takes_few_bytes(towns):
    class Lean(Fleet):
        battery = Column("f4", 1)
        tries = Column("u1")

        def begin(self, devices: Devices) -> None:
            self.wake(devices, self.draws("phase").below(devices, 2**32))

    town = towns()
    town.place("fleet", Lean, config(100_000, 10 * MS))
    town.run(0.0)
    fleet = town.nodes["fleet"]
    columns = [fleet.battery, fleet.tries, fleet._state, fleet._wake_ups.due_ns, fleet.draws("phase")._counts]
    assert sum(map(sys.getsizeof, columns)) < 19 * 100_000
    queued = sum(part.nbytes for *_, part, _ in fleet._wake_ups._queue)
    assert queued < 5 * 100_000
