"""Carrying out the faults of a scenario in a running world: waiting for their moments, choosing their targets, healing.

Each entry of `faults:` is a task on the world's own loop, which runs before the hosts in every round. Whom a fault
strikes and when it comes again are drawn from streams of its own, so that one fault does not move another.

It deliberately knows no fault: what a condition, an act or a plan does is in its class.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from simkit.fault import Act, Arena, Condition, Link, Plan, Sides, Software, Targets
from simkit.hosts.host import Host
from simkit.kernel import Stream, World
from simkit.language.budget import Allowance, Budget
from simkit.language.injection import Injection
from simkit.language.moment import PointReached
from simkit.language.presence import Presence, RoleBook, roles_in
from simkit.language.roster import Roster
from simkit.language.target import LinkTarget, MeshTarget, Target, resolve_all
from simkit.language.triggers import Triggers
from simkit.network.network import Network

STRIKES_MAX = 100_000
"""Strikes of one fault in one run; more is a repetition that nobody meant."""

SIDES_MAX = 1_000
"""Pairs of places that are told to be cut off by a part of the mesh."""


@dataclass
class Strike:
    """One time that a fault struck or held; `end_ns` is None until it heals.

    `targets` are in words; `sides` are the hosts at the two ends of every link it is aimed at, or whose way leads over
    the part of the mesh that it is aimed at, and whether both ways; `cuts` are those that it cuts, aimed at hosts.
    """

    injection: Injection
    targets: tuple[str, ...]
    begin_ns: int
    end_ns: int | None = None
    sides: tuple[Sides, ...] = ()
    cuts: list[Sides] = field(default_factory=list)


@dataclass(frozen=True)
class Chosen:
    """Whom a strike hits: hosts or directed links, how to name them, the ends of the links, whom a budget counts."""

    targets: Targets
    names: tuple[str, ...]
    sides: tuple[Sides, ...]
    counted: frozenset[str]


@dataclass(frozen=True)
class Struck:
    """A strike under way; closing `healing` heals it."""

    chosen: Chosen
    arena: Arena
    healing: ExitStack


class Injector:
    """Carries out the faults of one scenario.

    Args:
        world, hosts, network, software: what they are done to.
        roster: who is meant by a word.
        injections: the faults, in the order of the file.
        book: who holds which role; without it nobody does.
        budget: how many of whom may be struck at once.
        left_out: names of faults that stay away in this run.

    Attributes:
        strikes: every time a fault struck so far, in order.
        left_out: names of faults that stay away.
        spared: by name, how often a fault struck nobody: there was nobody whom it could, or whom the budget let it.
    """

    def __init__(
        self,
        world: World,
        hosts: Mapping[str, Host],
        network: Network,
        roster: Roster,
        injections: Sequence[Injection],
        *,
        software: Software | None = None,
        book: RoleBook | None = None,
        budget: Sequence[Allowance] = (),
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self.strikes: list[Strike] = []
        self.left_out = left_out
        self.spared: Counter[str] = Counter()
        self._world = world
        self._hosts = hosts
        self._network = network
        self._software = software
        self._roster = roster
        self._injections = injections
        self._book = book or RoleBook(world, {})
        self._budget = Budget(world, budget) if budget else None
        self._triggers = Triggers(world, hosts, roster, [injection.name for injection in injections])
        if any(target.dynamic(roster) for injection in injections for target in injection.host_targets):
            self._book.listen()

    def start(self) -> None:
        """Let every fault wait for its first moment."""
        for injection in self._injections:
            for only in self._lives(injection) if injection.name not in self.left_out else ():
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
        while self._triggers.knows(name):
            number += 1
            name = f"{word}-{number}"
        return name

    @contextmanager
    def during(self, injection: Injection) -> Iterator[None]:
        """Let a further fault hold while the context is open, for a program that says itself when; an act strikes."""
        if isinstance(injection.fault, Plan):
            raise TypeError(f"{injection.word} is a procedure of its own; name it under the faults of the scenario")
        self._triggers.add(injection.name)
        struck = self._begin(injection, None, None)
        yield
        if struck is not None:
            struck.healing.close()

    # -- a fault's life

    async def _live(self, injection: Injection, only: Host | None) -> None:
        """Strike at every moment of one fault, from the first to the last."""
        timing, triggers = injection.timing, self._triggers
        stream = self._stream(injection, "times", *([only.name] if only else []))
        there: str | None = None
        first: Struck | None = None
        if timing.at is not None and timing.at.at_point:
            assert isinstance(timing.at.anchor, PointReached)
            there, first = await self._struck_at_point(injection, only, timing.at.anchor)
            if first is None:
                return
        elif timing.at is not None:
            there = await triggers.reached(timing.at)
        if timing.every is None:
            await self._strike(injection, only, there, first)
            return
        if timing.at is None:
            await triggers.sleep(timing.every.next_ns(stream))
        end = triggers.future_of(timing.until) if timing.until is not None else None
        for _ in range(min(STRIKES_MAX, timing.times or STRIKES_MAX)):
            if end is not None and end.done():
                return
            # A task of its own: a fault may come again before it has healed.
            self._task(self._strike(injection, only, there, first), f"fault {injection.name}")
            first = None
            await triggers.sleep(timing.every.next_ns(stream))

    async def _strike(
        self, injection: Injection, only: Host | None, there: str | None, struck: Struck | None = None
    ) -> None:
        """Strike and heal; what struck already is only healed."""
        for role, scope in roles_in(injection.host_targets, self._roster):
            await self._book.taken(role, scope)
        struck = struck or self._begin(injection, only, there)
        if struck is None:
            return
        if isinstance(injection.fault, Plan):
            await injection.fault.carry_out(struck.arena, struck.chosen.targets)
        elif isinstance(injection.fault, Condition):
            await self._until_healed(injection)
        struck.healing.close()

    async def _struck_at_point(
        self, injection: Injection, only: Host | None, point: PointReached
    ) -> tuple[str, Struck | None]:
        """Strike within the step of a program that reaches a point, and return where that was."""
        future: asyncio.Future[tuple[str, Struck | None]] = self._world.control.create_future()

        def act(host: str) -> None:
            found: tuple[str, Struck | None] = (host, None)
            try:
                found = (host, self._begin(injection, only, host))
            except Exception as error:  # it must not reach the program that it struck
                message = f"fault {injection.name} failed"
                self._world.control.call_exception_handler({"message": message, "exception": error})
            self._world.post(self._world.now_ns, self._world.control, future.set_result, found)

        self._triggers.at_point(point, act)
        return await future

    def _begin(self, injection: Injection, only: Host | None, there: str | None) -> Struck | None:
        """Strike, now; None if there is nobody whom it may strike."""
        chosen = self._choose(injection, self._stream(injection), only, there)
        if chosen is None:
            self.spared[injection.name] += 1
            return None
        stream = self._stream(injection, "draws")
        strike = Strike(injection, chosen.names, self._world.now_ns, sides=chosen.sides)
        arena = Arena(self._world, self._hosts, self._network, stream, self._software, strike.cuts)
        healing, fault = ExitStack(), injection.fault
        if self._budget is not None and chosen.counted:
            healing.callback(self._budget.begin(chosen.counted))
        healing.enter_context(self._told(strike))
        if isinstance(fault, Act):
            fault.strike(arena, chosen.targets)
        elif isinstance(fault, Condition):
            healing.enter_context(fault.hold(arena, chosen.targets))
        return Struck(chosen, arena, healing)

    @contextmanager
    def _told(self, strike: Strike) -> Iterator[None]:
        """Tell that a fault begins, and that it ends; never leaving this context means that it never healed."""
        write, injection, names = self._world.records.write, strike.injection, strike.targets
        self.strikes.append(strike)
        write("fault", "", injection.name, injection.word, "begins", *names)
        self._triggers.passed(injection.name, "begins")
        yield
        strike.end_ns = self._world.now_ns
        write("fault", "", injection.name, injection.word, "ends", *names)
        self._triggers.passed(injection.name, "ends")

    async def _until_healed(self, injection: Injection) -> None:
        timing = injection.timing
        if timing.lasts is not None:
            await self._triggers.sleep(int(timing.lasts))
        elif timing.until is not None:
            await self._triggers.reached(timing.until)
        else:
            await self._world.control.create_future()

    # -- targets

    def _choose(self, injection: Injection, stream: Stream, only: Host | None, there: str | None) -> Chosen | None:
        """Choose whom to strike; None if nobody is meant, or nobody may be."""
        budget = self._budget if getattr(type(injection.fault), "disables", True) else None
        presence = Presence(self._book, there)
        if injection.target_kind == "hosts":
            if only is not None:
                hosts = [only] if budget is None or budget.fits([only.name]) else []
            else:
                entries = resolve_all(
                    injection.host_targets, self._roster, stream, presence, budget.spare() if budget else None
                )
                hosts = [self._hosts[entry.name] for entry in entries]
            names = tuple(host.name for host in hosts)
            fits = budget is None or budget.fits(names)
            return Chosen(tuple(hosts), names, (), frozenset(names if budget else ())) if hosts and fits else None
        if injection.target_kind in ("routers", "wires"):
            aimed = [item for item in injection.aim if isinstance(item, MeshTarget)]
            parts = tuple(part for item in aimed for part in item.parts)
            mesh = self._network.topology.mesh
            sides = islice(mesh.across(parts, self._hosts.values()), SIDES_MAX) if mesh is not None else ()
            return Chosen(parts, tuple(item.text for item in aimed), tuple(sides), frozenset())
        links: dict[tuple[str, str], Link] = {}
        texts: list[str] = []
        ends: list[Sides] = []
        groups: list[list[str]] = []
        for sources, targets, both, text in self._sides(injection, stream, presence):
            texts.append(text)
            ends.append((tuple(host.name for host in sources), tuple(host.name for host in targets), both))
            groups += [list(side) for side in ends[-1][:2] if list(side) not in groups]
            for source in sources:
                for target in targets:
                    if source is not target:
                        links[source.name, target.name] = (source, target)
                        if both:
                            links[target.name, source.name] = (target, source)
        counted = budget.cut_off(groups) if budget and injection.target_kind == "groups" else frozenset()
        if not links or (budget is not None and not budget.fits(counted)):
            return None
        return Chosen(tuple(links.values()), tuple(texts), tuple(ends), counted)

    def _sides(
        self, injection: Injection, stream: Stream, presence: Presence
    ) -> Iterator[tuple[Sequence[Host], Sequence[Host], bool, str]]:
        """Yield (sources, targets, both ways, text) for every link or pair of groups an injection is aimed at."""
        resolve = self._resolver(stream, presence)
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

    def _resolver(self, stream: Stream, presence: Presence) -> Callable[[tuple[Target, ...]], list[Host]]:
        return lambda targets: [
            self._hosts[entry.name] for entry in resolve_all(targets, self._roster, stream, presence)
        ]


def _whole(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The same targets without a choice: all they could mean."""
    return tuple(Target(target.text, target.domain) for target in targets)


def _named(hosts: Sequence[Host], most: int = 4) -> str:
    names = [host.name for host in hosts]
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} +{len(names) - most}"
