"""Small networks that Hypothesis writes: people in several houses write to each other while faults come and go.

What a run tells must not depend on which core runs (`test_twins`): the compiled one carries most messages by itself.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from simkit.hosts.host import Host
from simkit.kernel import Constant, Distribution, Empirical, Exponential, LogNormal, Normal, Record, Uniform, World
from simkit.network import Endpoint, Everything, Link, Message, Network, RequestTimeout, handles
from simkit.network.flaw import Corruption, Duplication, Reordering
from simkit.network.tampering import Sent

Log = list[Any]
HOUSES, MOMENT_NS = 4, 700_000
VERBS = (
    "write", "write", "write", "write", "write", "write", "write", "write to all", "write at length", "ask", "ask",
    "ask", "ask in vain", "cut", "reject", "delay", "lose", "double", "mix", "spoil", "narrow", "shorten", "heal",
    "heal", "heal", "heal", "pause", "resume", "resume", "kill", "boot", "boot", "boot", "power cut", "lie", "move",
    "watch", "write to nobody", "break", "stop",
)  # fmt: skip
LATENCIES: tuple[Distribution, ...] = (
    Constant(2_000_000),
    Constant(1_500_000.5),
    Constant(0),
    Exponential(2e6),
    Uniform(1e6, 3e6),
    Uniform(1_000_000, 3_000_000),
    Normal(1e6, 1e6),
    LogNormal(1e6, 0.8),
    Empirical((1e6, 1.5e6, 9e6)),
)


class Letter(Message, tag="test.town.letter/1"):
    """Read at once, and answered as often as it says."""

    number: int
    left: int = 0
    text: str = ""


class Book(Message, tag="test.town.book/1"):
    """Read for a while, several at a time."""

    number: int


class Series(Message, tag="test.town.series/1"):
    """Read for a while, one after the other."""

    number: int


class Puzzle(Message, tag="test.town.puzzle/1"):
    """Nobody can read it."""

    number: int


class Gibberish(Message, tag="test.town.gibberish/1"):
    """Nobody even tries."""

    number: int


class Big(Message, tag="test.town.big/1"):
    """Cannot be written: too large a number for a plain field."""

    number: int


KINDS: tuple[type[Message], ...] = (Letter, Letter, Letter, Book, Series, Letter, Puzzle, Gibberish)


class Resident:
    """Who lives in a house, until it ends."""

    def __init__(self, town: "Town", host: Host) -> None:
        self.town = town
        self.host = host
        self.network = Endpoint(town.network, host, self)

    def tell(self, *what: object) -> None:
        self.town.tell(self.host.name, self.network.sender, *what)

    @handles(Letter)
    def read(self, letter: Letter) -> Letter:
        self.tell("letter", letter.number, len(letter.text))
        if letter.left:
            self.network.send(self.network.sender, Letter(letter.number, letter.left - 1))
        if letter.number % 5 == 0:
            self.host.loop.create_task(self.remember(letter.number))
        return Letter(letter.number + 1)

    async def remember(self, number: int) -> None:
        await asyncio.sleep(number / 1e4)
        self.tell("remembers", number)

    @handles(Book)
    async def study(self, book: Book) -> Letter | None:
        await asyncio.sleep(book.number / 1e5)
        self.tell("book", book.number)
        return Letter(book.number) if book.number % 2 else None

    @handles(Series, serial=True)
    async def follow(self, series: Series) -> None:
        await asyncio.sleep(series.number / 1e5)
        self.tell("series", series.number)

    @handles(Puzzle)
    def puzzle(self, puzzle: Puzzle) -> None:
        raise ValueError(puzzle.number)

    async def ask(self, name: str, question: Message, timeout_s: float) -> None:
        try:
            answer = await self.network.request(name, question, timeout_s)
        except (RequestTimeout, OSError, RuntimeError) as error:
            self.town.tell(self.host.name, "hears", type(error).__name__, *error.args)
        else:
            self.town.tell(self.host.name, "hears", repr(answer))


class Liar:
    """Says everything, or some of it, later and twice."""

    def __init__(self, number: int) -> None:
        self.number = number

    def outgoing(self, target: str, message: Message) -> list[Sent]:
        return [(0, message), (self.number * 10_000, message)][self.number % 2 :]


class Town:
    """Houses on one network, and what happens there: two bytes of a text for each moment."""

    def __init__(self, text: bytes) -> None:
        self.log: Log = []
        self.text = text[2:]
        self.world = World(7)
        one_way = LATENCIES[text[0] % len(LATENCIES)]
        link = Link(one_way=one_way, loss=0.1 if text[1] % 7 == 0 else 0, bandwidth=10**7 if text[1] % 5 == 0 else None)
        self.network = Network(self.world, link, strict=text[1] % 3 == 0)
        self.faults: list[Callable[[], None]] = []
        self.residents: dict[str, Resident] = {}
        self.hosts = [Host(self.world, f"house-{number}", index=number, program=self.live) for number in range(HOUSES)]
        self.world.control.set_exception_handler(self.complain)
        for host in self.hosts:
            host.on_failure = lambda host, error: self.tell(host.name, "fails", type(error).__name__, *error.args)
            self.network.attach(host)
            host.boot()

    def tell(self, *what: object) -> None:
        self.log.append((self.world.now_ns, *what))

    def complain(self, loop: object, context: dict[str, Any]) -> None:
        self.tell("complaint", str(context.get("exception")))

    async def live(self, host: Host) -> None:
        self.residents[host.name] = Resident(self, host)
        await asyncio.sleep(1e6)

    def inside(self, host: Host, action: Callable[..., object], *args: Any) -> None:
        """Let a house do something, if somebody lives there."""
        if host.running and host.name in self.residents:
            self.world.post(self.world.now_ns, host.loop, action, *args)

    def step(self, verb: str, other: int) -> None:
        host, target = self.hosts[other % HOUSES], self.hosts[other // HOUSES % HOUSES]
        resident = self.residents.get(host.name)
        if resident is None:
            return
        network, send = self.network, resident.network.send
        kind = KINDS[other // 16 % len(KINDS)]
        letter = Letter(other, other % 6) if kind is Letter else kind(other)  # type: ignore[call-arg]
        match verb:
            case "write":
                self.inside(host, send, target.name, letter)
            case "write to all":
                self.inside(host, lambda: [send(each.name, letter) for each in self.hosts])
            case "write at length":
                self.inside(host, send, target.name, Letter(other, 0, "x" * (other * 20)))
            case "write to nobody":
                self.inside(host, partial(send, "castle", letter) if other % 2 else send)
            case "break":
                self.inside(host, send, target.name, Big(2**70 + other))
            case "ask" | "ask in vain":
                asking = partial(resident.ask, target.name, letter, 0.02 if verb == "ask" else 0.001)
                self.inside(host, lambda: host.loop.create_task(asking()))
            case "cut" | "reject":
                cut = ([host.name], [each.name for each in self.hosts if each is not host])
                self.faults.append(network.cut(cut, reject=verb == "reject", one_way=other % 3 == 0))
            case "delay":
                self.faults.append(network.add_latency(Everything(), Exponential(1e6)))
            case "lose":
                self.faults.append(network.add_loss(Everything(), 0.3))
            case "double":
                self.faults.append(network.add_flaw(Everything(), Duplication(share=0.5)))
            case "mix":
                self.faults.append(network.add_flaw(Everything(), Reordering(share=0.5, by=Constant(3e6))))
            case "spoil":
                self.faults.append(network.add_flaw(Everything(), Corruption(share=0.5)))
            case "narrow":
                self.faults.append(network.limit_bandwidth(Everything(), 10**5))
            case "shorten":
                self.faults.append(network.limit_packets(Everything(), 600, silent=other % 2 == 0))
            case "lie":
                self.faults.append(network.interfaces[host.name].tamper(Liar(other)))
            case "heal" if self.faults:
                self.faults.pop(other % len(self.faults))()
            case "move":
                network.changed()
            case "watch":
                self.world.records.subscribe(["message"], self.watch)
            case "pause" | "resume" | "kill" | "boot" | "power cut":
                getattr(host, verb.replace(" ", "_"))()
            case "stop":
                host.stop(10**6)

    def watch(self, record: Record) -> None:
        self.log.append((record.time_ns, record.host, *record.detail, record.payload.hex(), record.value))

    def play(self) -> Log:
        for place in range(0, len(self.text) - 1, 2):
            verb, other = VERBS[self.text[place] % len(VERBS)], self.text[place + 1]
            self.world.post((place // 2 + 1) * MOMENT_NS, self.world.control, self.step, verb, other)
        for host in self.hosts:  # what was kept must be heard
            self.world.post(10**9, self.world.control, host.resume)
        self.world.run(2 * 10**9)
        self.world.close()
        return self.log
