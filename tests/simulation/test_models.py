"""Models in the shapes that every SimPy user knows run unchanged beside asyncio code and give SimPy's own numbers.

Each model knows an environment, a stream of draws and somebody to tell, and nothing of worlds and hosts.
"""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest
import simpy

from simkit.hosts import Host
from simkit.kernel import Stream, World
from simkit.simulation import HostEnvironment

Tell = Callable[..., None]
Model = Callable[[simpy.Environment, Stream, Tell], None]
Steps = Generator[simpy.Event, Any, Any]
END = 240
SECOND = 10**9


def bank(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """Customers come to one counter and leave it when their patience ends."""
    counter = simpy.Resource(env, capacity=1)

    def customer(number: int) -> Steps:
        arrival = env.now
        with counter.request() as turn:
            outcome = yield turn | env.timeout(draws.uniform(1.0, 3.0))
            if turn not in outcome:
                tell("customer", number, "reneged after", env.now - arrival)
                return
            tell("customer", number, "waited", env.now - arrival)
            yield env.timeout(draws.exponential(12.0))
        tell("customer", number, "left")

    def door() -> Steps:
        for number in range(25):
            env.process(customer(number))
            yield env.timeout(draws.exponential(10.0))

    env.process(door())


def car_wash(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """Cars share two machines; more of them keep coming."""
    machines = simpy.Resource(env, capacity=2)

    def wash(name: str) -> Steps:
        yield env.timeout(5)
        tell(name, "lost dirt", draws.below(50))

    def car(name: str) -> Steps:
        tell(name, "arrives")
        with machines.request() as machine:
            yield machine
            tell(name, "enters")
            yield env.process(wash(name))
            tell(name, "leaves")

    def street() -> Steps:
        for number in range(4):
            env.process(car(f"car {number}"))
        number = 4
        while True:
            yield env.timeout(draws.choice([0, 1, 3, 5, 7]))
            env.process(car(f"car {number}"))
            number += 1

    env.process(street())


def machine_shop(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """Machines break down at work; the one repairman does other jobs when none is broken."""
    repairman = simpy.PreemptiveResource(env, capacity=1)

    class Machine:
        def __init__(self, name: str) -> None:
            self.name = name
            self.parts = 0
            self.broken = False
            self.work = env.process(self.working())
            env.process(self.breaking())

        def working(self) -> Steps:
            while True:
                left = abs(draws.normal(10.0, 2.0))
                while left:
                    start = env.now
                    try:
                        yield env.timeout(left)
                        left = 0
                    except simpy.Interrupt as interrupt:
                        self.broken = True
                        left -= env.now - start
                        tell(self.name, "breaks", interrupt.cause, left)
                        with repairman.request(priority=1) as request:
                            yield request
                            yield env.timeout(30.0)
                        self.broken = False
                self.parts += 1
                tell(self.name, "has made", self.parts)

        def breaking(self) -> Steps:
            while True:
                yield env.timeout(draws.exponential(60.0))
                if not self.broken:
                    self.work.interrupt("worn out")

    def other_jobs() -> Steps:
        while True:
            left = 30.0
            while left:
                with repairman.request(priority=2) as request:
                    yield request
                    start = env.now
                    try:
                        yield env.timeout(left)
                        left = 0
                    except simpy.Interrupt as interrupt:
                        left -= env.now - start
                        tell("other job stands since", interrupt.cause.usage_since, left)

    for number in range(5):
        Machine(f"machine {number}")
    env.process(other_jobs())


def gas_station(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """Cars empty a tank that a truck fills again once the level is low."""
    station = simpy.Resource(env, capacity=2)
    tank = simpy.Container(env, capacity=200, init=200)

    def car(number: int) -> Steps:
        level = draws.uniform(5.0, 25.0)
        with station.request() as pump:
            yield pump
            yield tank.get(50 - level)
            yield env.timeout((50 - level) / 2)
            tell("car", number, "is full", tank.level)

    def gauge() -> Steps:
        while True:
            if tank.level / tank.capacity < 0.25:
                tell("truck is called")
                yield env.process(truck())
            yield env.timeout(10)

    def truck() -> Steps:
        yield env.timeout(30)
        amount = tank.capacity - tank.level
        yield tank.put(amount)
        tell("truck brought", amount)

    def road() -> Steps:
        for number in range(20):
            yield env.timeout(draws.uniform(3.0, 30.0))
            env.process(car(number))

    env.process(gauge())
    env.process(road())


def movie(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """People queue for tickets and go home together when their film is sold out."""
    counter = simpy.Resource(env, capacity=1)
    films = ("Nosferatu", "Metropolis", "Faust")
    seats = dict.fromkeys(films, 12)
    sold_out = {film: env.event() for film in films}

    def person(film: str, wanted: int) -> Steps:
        with counter.request() as turn:
            outcome = yield turn | sold_out[film]
            if turn not in outcome:
                tell("gives up", film)
                return
            if seats[film] < wanted:
                yield env.timeout(0.5)
                return
            seats[film] -= wanted
            if seats[film] < 2 and not sold_out[film].triggered:
                sold_out[film].succeed()
                tell("sold out", film)
            yield env.timeout(1)

    def arrivals() -> Steps:
        while True:
            yield env.timeout(draws.exponential(0.7))
            env.process(person(draws.choice(films), 1 + draws.below(5)))

    env.process(arrivals())


def communication(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """One process sends to several others, each with a store of its own."""
    pipes = [simpy.Store(env) for _ in range(3)]

    def send(name: str) -> Steps:
        while True:
            yield env.timeout(6 + draws.below(5))
            yield env.all_of([pipe.put((env.now, name)) for pipe in pipes])

    def receive(name: str, pipe: simpy.Store) -> Steps:
        while True:
            sent, sender = yield pipe.get()
            tell(name, "late" if sent < env.now else "waiting", sender, sent)
            yield env.timeout(4 + draws.below(5))

    env.process(send("clock"))
    for number, pipe in enumerate(pipes):
        env.process(receive(f"reader {number}", pipe))


def latency(env: simpy.Environment, draws: Stream, tell: Tell) -> None:
    """What goes into a cable comes out of it later; only what is even matters to one of the listeners."""
    cable = simpy.FilterStore(env)
    urgent = simpy.PriorityStore(env, capacity=3)

    def carry(value: int) -> Steps:
        yield env.timeout(draws.uniform(0.1, 0.3))
        yield cable.put(value)
        yield urgent.put(simpy.PriorityItem(-value, value))

    def sender() -> Steps:
        for number in range(60):
            yield env.timeout(0.1)
            env.process(carry(number))

    def listener() -> Steps:
        while True:
            tell("heard", (yield cable.get(lambda value: value % 2 == 0)))

    def clerk() -> Steps:
        while True:
            item = yield urgent.get()
            tell("did", item.item)
            yield env.timeout(0.15)

    env.process(sender())
    env.process(listener())
    env.process(clerk())


MODELS = (bank, car_wash, machine_shop, gas_station, movie, communication, latency)


def with_simpy(model: Model) -> list[Any]:
    """Return what a model tells with SimPy alone."""
    env = simpy.Environment()
    told: list[Any] = []
    model(env, Stream(7, "draws"), lambda *words: told.append((env.now, *words)))
    while env.peek() < END:
        env.step()
    return told


def beside_asyncio(model: Model, told: list[Any], beside: list[float]) -> World:
    """Return a world in which a host runs the model, and it and another one run asyncio code."""
    world = World(3)

    async def tick(host: Host, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            beside.append(host.loop.time())

    async def program(host: Host) -> None:
        env = HostEnvironment(initial_time=0)
        model(env, Stream(7, "draws"), lambda *words: told.append((env.now, *words)))
        await tick(host, 0.3)

    Host(world, "model", index=0, program=program).boot()
    Host(world, "other", index=1, program=lambda host: tick(host, 0.5)).boot()
    return world


@pytest.mark.parametrize("model", MODELS)
def test_a_known_model_tells_the_same_beside_asyncio_code(model: Model) -> None:
    told: list[Any] = []
    beside: list[float] = []
    world = beside_asyncio(model, told, beside)
    world.run(END * SECOND)
    world.close()
    expected = with_simpy(model)
    assert len(expected) > 15
    assert [line for line in told if line[0] < END] == expected
    assert [repr(line) for line in told if line[0] < END] == [repr(line) for line in expected]
    assert len(beside) > END


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("unit_seconds", [60.0, 0.001])
def test_the_very_same_events_in_the_same_order(
    model: Model, unit_seconds: float, world: World, host: Host, traced: Callable[[simpy.Environment], list[Any]]
) -> None:
    stock = simpy.Environment()
    expected = traced(stock)
    model(stock, Stream(7, "draws"), lambda *_: None)
    while stock.peek() < END:
        stock.step()
    world.run(1_234_567_891)
    env = HostEnvironment(host.loop, unit_seconds=unit_seconds, initial_time=0)
    trace = traced(env)
    model(env, Stream(7, "draws"), lambda *_: None)
    world.run(world.now_ns + round(END * unit_seconds * SECOND))
    assert [entry for entry in trace if entry[0] < END] == expected


def test_two_models_on_two_hosts_do_not_disturb_each_other(world: World) -> None:
    told: dict[str, list[Any]] = {"bank": [], "movie": []}
    for model in (bank, movie):
        lines = told[model.__name__]
        env = HostEnvironment(world.new_loop(model.__name__), initial_time=0)
        model(env, Stream(7, "draws"), lambda *words, env=env, lines=lines: lines.append((env.now, *words)))
    world.run(END * SECOND - 1)
    assert told == {"bank": with_simpy(bank), "movie": with_simpy(movie)}


def everything_told() -> str:
    """Return a digest of all models beside asyncio code."""
    told: list[Any] = []
    beside: list[float] = []
    for model in MODELS:
        world = beside_asyncio(model, told, beside)
        world.run(100 * SECOND)
        told.append(world.steps)
        world.close()
    return hashlib.sha256(repr((told, beside)).encode()).hexdigest()


def test_another_process_with_another_hash_seed_tells_the_same() -> None:
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('models', {__file__!r})\n"
        "models = importlib.util.module_from_spec(spec)\n"
        "sys.modules['models'] = models\n"
        "spec.loader.exec_module(models)\n"
        "print(models.everything_told())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "12345"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == everything_told()
