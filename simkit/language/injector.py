"""Carrying out the faults of a scenario in a running world: waiting for their moments, choosing their targets, healing.

Each entry of `faults:` is a task on the world's own loop, which runs before the hosts in every round. Whom a fault
strikes and when it comes again are drawn from streams of its own, so that one fault does not move another.

It deliberately knows no fault: what a condition, an act or a plan does is in its class.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simkit.fault import Act, Arena, Condition, Link, Plan
from simkit.hosts.host import Host
from simkit.kernel import Record, Stream, World
from simkit.language.injection import Injection
from simkit.language.moment import FaultEdge, Moment, Occurrence
from simkit.language.roster import Roster
from simkit.language.target import LinkTarget, Target, resolve_all
from simkit.network.network import Network

STRIKES_MAX = 100_000
"""Strikes of one fault in one run; more is a repetition that nobody meant."""


Sides = tuple[tuple[str, ...], tuple[str, ...], bool]


@dataclass
class Strike:
    """One time that a fault struck or held; `end_ns` is None until it heals.

    `targets` are in words; `sides` are the hosts at the two ends of every link it is aimed at, and whether both ways.
    """

    injection: Injection
    targets: tuple[str, ...]
    begin_ns: int
    end_ns: int | None = None
    sides: tuple[Sides, ...] = ()


class Injector:
    """Carries out the faults of one scenario.

    Args:
        world, hosts, network: what they are done to.
        roster: who is meant by a word.
        injections: the faults, in the order of the file.

    Attributes:
        strikes: every time a fault struck so far, in order.
    """

    def __init__(
        self,
        world: World,
        hosts: Mapping[str, Host],
        network: Network,
        roster: Roster,
        injections: Sequence[Injection],
    ) -> None:
        self.strikes: list[Strike] = []
        self._world = world
        self._hosts = hosts
        self._network = network
        self._roster = roster
        self._injections = injections
        self._edges = {(i.name, edge): asyncio.Event() for i in injections for edge in ("begins", "ends")}

    def start(self) -> None:
        """Let every fault wait for its first moment."""
        for injection in self._injections:
            for only in self._lives(injection):
                self._task(self._live(injection, only), f"fault {injection.name}")

    def _lives(self, injection: Injection) -> list[Host | None]:
        """One life for a fault; with `every: ... each` one for every host it is aimed at."""
        every = injection.timing.every
        if every is None or not every.each:
            return [None]
        entries = resolve_all(_whole(injection.host_targets), self._roster, self._stream(injection))
        return [self._hosts[entry.name] for entry in entries]

    def _stream(self, injection: Injection, *purpose: str) -> Stream:
        """Targets, times and the fault's own draws come from different streams: one does not move another."""
        return self._world.stream("/".join((injection.stream_name, *purpose)))

    def _task(self, life: Coroutine[Any, Any, None], name: str) -> None:
        self._world.control.create_task(life, name=name).add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # At once, not when the collector comes round to a task that nobody awaits.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._world.control.call_exception_handler({"message": f"{task.get_name()} failed", "exception": error})

    def unused_name(self, word: str) -> str:
        """Return a name that no fault has yet: the word itself, or with a number."""
        number, name = 1, word
        while (name, "begins") in self._edges:
            number += 1
            name = f"{word}-{number}"
        return name

    @contextmanager
    def during(self, injection: Injection) -> Iterator[None]:
        """Let a further fault hold while the context is open, for a program that says itself when; an act strikes."""
        for edge in ("begins", "ends"):
            self._edges[injection.name, edge] = asyncio.Event()
        targets, names, sides = self._targets(injection, self._stream(injection), None)
        arena = Arena(self._world, self._hosts, self._network, self._stream(injection, "draws"))
        fault = injection.fault
        with self._struck(injection, names, sides):
            if isinstance(fault, Condition):
                with fault.hold(arena, targets):
                    yield
            elif isinstance(fault, Act):
                fault.strike(arena, targets)
                yield
            else:
                raise TypeError(f"{injection.word} is a procedure of its own; name it under the faults of the scenario")

    # -- moments

    async def _live(self, injection: Injection, only: Host | None) -> None:
        """Strike at every moment of one fault, from the first to the last."""
        timing = injection.timing
        stream = self._stream(injection, "times", *([only.name] if only else []))
        if timing.at is not None:
            await self._reached(timing.at)
        if timing.every is None:
            await self._strike(injection, only)
            return
        if timing.at is None:
            await self._sleep(timing.every.next_ns(stream))
        end = self._future_of(timing.until) if timing.until is not None else None
        for _ in range(min(STRIKES_MAX, timing.times or STRIKES_MAX)):
            if end is not None and end.done():
                return
            # A task of its own: a fault may come again before it has healed.
            self._task(self._strike(injection, only), f"fault {injection.name}")
            await self._sleep(timing.every.next_ns(stream))

    async def _strike(self, injection: Injection, only: Host | None) -> None:
        targets, names, sides = self._targets(injection, self._stream(injection), only)
        arena = Arena(self._world, self._hosts, self._network, self._stream(injection, "draws"))
        fault = injection.fault
        with self._struck(injection, names, sides):
            if isinstance(fault, Act):
                fault.strike(arena, targets)
            elif isinstance(fault, Plan):
                await fault.carry_out(arena, targets)
            elif isinstance(fault, Condition):
                with fault.hold(arena, targets):
                    await self._until_healed(injection)

    @contextmanager
    def _struck(self, injection: Injection, names: tuple[str, ...], sides: tuple[Sides, ...]) -> Iterator[None]:
        """Tell that a fault begins, and that it ends; never leaving this context means that it never healed."""
        write = self._world.records.write
        strike = Strike(injection, names, self._world.now_ns, sides=sides)
        self.strikes.append(strike)
        write("fault", "", injection.name, injection.word, "begins", *names)
        self._edges[injection.name, "begins"].set()
        yield
        strike.end_ns = self._world.now_ns
        write("fault", "", injection.name, injection.word, "ends", *names)
        self._edges[injection.name, "ends"].set()

    async def _until_healed(self, injection: Injection) -> None:
        timing = injection.timing
        if timing.lasts is not None:
            await self._sleep(int(timing.lasts))
        elif timing.until is not None:
            await self._reached(timing.until)
        else:
            await self._world.control.create_future()

    async def _reached(self, moment: Moment) -> None:
        """Wait for a moment; one that has passed is reached at once."""
        match moment.anchor:
            case FaultEdge(fault, edge):
                await self._edges[fault, edge].wait()
                await self._sleep(moment.delay_ns)
            case Occurrence():
                await self._seen(moment.anchor)
                await self._sleep(moment.delay_ns)
            case _:
                await self._sleep(moment.delay_ns - self._world.now_ns)

    def _future_of(self, moment: Moment) -> asyncio.Future[Any]:
        return self._world.control.create_task(self._reached(moment))

    async def _sleep(self, delay_ns: int) -> None:
        # Integer nanoseconds, where asyncio.sleep would go through floats.
        if delay_ns > 0:
            future = self._world.control.create_future()
            self._world.post(self._world.now_ns + delay_ns, self._world.control, future.set_result, None)
            await future

    async def _seen(self, occurrence: Occurrence) -> None:
        """Wait until an event has been emitted for the n-th time, from now on."""
        control, future = self._world.control, self._world.control.create_future()
        allowed = None
        if occurrence.target is not None:
            allowed = {entry.name for entry in occurrence.target.candidates(self._roster)}
        remaining = occurrence.ordinal

        def heard(record: Record) -> None:
            nonlocal remaining
            if record.detail[0] != occurrence.event or (allowed is not None and record.host not in allowed):
                return
            remaining -= 1
            if remaining == 0:
                # Through the queue: an observer runs inside the node's own step and must not act there.
                self._world.post(self._world.now_ns, control, future.set_result, None)

        self._world.records.subscribe(("event",), heard)
        await future

    # -- targets

    def _targets(
        self, injection: Injection, stream: Stream, only: Host | None
    ) -> tuple[tuple[Host, ...] | tuple[Link, ...], tuple[str, ...], tuple[Sides, ...]]:
        """Choose whom to strike; return the hosts or directed links, how to name them, and the ends of the links."""
        if injection.target_kind == "hosts":
            if only is not None:
                return (only,), (only.name,), ()
            entries = resolve_all(injection.host_targets, self._roster, stream)
            return tuple(self._hosts[e.name] for e in entries), tuple(e.name for e in entries), ()
        links: dict[tuple[str, str], Link] = {}
        texts: list[str] = []
        sides: list[Sides] = []
        for sources, targets, both, text in self._sides(injection, stream):
            texts.append(text)
            sides.append((tuple(host.name for host in sources), tuple(host.name for host in targets), both))
            for source in sources:
                for target in targets:
                    if source is not target:
                        links[source.name, target.name] = (source, target)
                        if both:
                            links[target.name, source.name] = (target, source)
        return tuple(links.values()), tuple(texts), tuple(sides)

    def _sides(
        self, injection: Injection, stream: Stream
    ) -> Iterator[tuple[Sequence[Host], Sequence[Host], bool, str]]:
        """Yield (sources, targets, both ways, text) for every link or pair of groups an injection is aimed at."""
        resolve = self._resolver(stream)
        groups: list[Sequence[Host]] = []
        for item in injection.aim:
            if isinstance(item, LinkTarget):
                yield resolve((item.source,)), resolve((item.target,)), item.both, item.text
            elif isinstance(item, tuple):
                groups.append(resolve(item))
        if len(groups) == 1:
            inside = {host.name for host in groups[0]}
            groups.append([host for host in self._hosts.values() if host.name not in inside])
        for i, group in enumerate(groups):
            for other in groups[i + 1 :]:
                yield group, other, True, f"{_named(group)} | {_named(other)}"

    def _resolver(self, stream: Stream) -> Callable[[tuple[Target, ...]], list[Host]]:
        return lambda targets: [self._hosts[entry.name] for entry in resolve_all(targets, self._roster, stream)]


def _whole(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The same targets without a choice: all they could mean."""
    return tuple(Target(target.text, target.domain) for target in targets)


def _named(hosts: Sequence[Host], most: int = 4) -> str:
    names = [host.name for host in hosts]
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} +{len(names) - most}"
