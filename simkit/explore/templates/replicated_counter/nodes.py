"""A counter that several replicas keep together: the grow-only counter of Shapiro, Preguiça, Baquero and Zawirski.

Every replica has a count of its own that only it increases; the counter's value is the sum of all. A replica tells the
others what it knows and keeps the larger number of each count, so messages may be lost, repeated and overtaken. What
a replica knows is in memory and dies with its process; before it counts again it asks the others what its count was.

Deliberately without a disk and without voting: the only promise is that an acknowledged add is never lost while fewer
replicas than `copies` die at the same time.
"""

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from simkit.language.load import Load
from simkit.language.units import Duration
from simkit.network import Message, Refused, RemoteError, RequestTimeout, Unreachable, handles
from simkit.node import Event, Node

SECOND = 1_000_000_000

# -- what scenario files can set under `config.replica` and `config.client`


class ReplicaConfig(BaseModel):
    """How careful a replica is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    copies: int = Field(2, ge=1)
    """How many replicas must know of an add before it is acknowledged; 1 is the replica itself."""
    gossip_every: Duration = Duration(SECOND)
    """How often a replica tells the others what it knows."""
    timeout: Duration = Duration(SECOND // 5)
    """How long another replica may take to answer."""


class ClientConfig(BaseModel):
    """How patient a client is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: Duration = Duration(SECOND)
    """How long a replica may take to answer; after that nobody knows whether the add was counted."""


# -- what hosts say to each other


class Add(Message, tag="replicated_counter.add/1"):
    """Please count one."""


class Added(Message, tag="replicated_counter.added/1"):
    """Counted; it was the replica's add of that number."""

    number: int


class State(Message, tag="replicated_counter.state/1"):
    """All counts that a replica knows, as (replica, count)."""

    counts: tuple[tuple[str, int], ...]


# -- what checks and reports get to see


class Acknowledged(Event, frozen=True, tag="add.acknowledged"):
    """A client was told that its add is counted."""

    replica: str
    number: int


class Recovered(Event, frozen=True, tag="replica.recovered"):
    """A replica has started and will count on from this number."""

    number: int


# -- the programs


class Replica(Node):
    """Keeps its own count and a copy of everybody else's."""

    config: ReplicaConfig

    def __init__(self) -> None:
        # Made anew at every boot: what stands here is lost when the process dies.
        self.counts: dict[str, int] = {}
        self.others = [name for name in self.directory.of_role("replica") if name != self.name]
        self.recovered = asyncio.Event()

    async def run(self) -> None:
        for other in self.others:
            while not await self.exchange(other):
                pass
        self.recovered.set()
        self.emit(Recovered(self.counts.get(self.name, 0)))
        while True:
            await asyncio.sleep(self.config.gossip_every.seconds)
            for other in self.others:
                self.network.send(other, self.state())

    @handles(Add)
    async def add(self, request: Add) -> Added:
        await self.recovered.wait()
        number = self.counts[self.name] = self.counts.get(self.name, 0) + 1
        self.metrics.counter("adds").add(1)
        copies = 1
        for other in self.others:
            if copies < self.config.copies:
                copies += await self.exchange(other)
        if copies < self.config.copies:
            raise Refused(f"only {copies} replicas know of add {number}")
        return Added(number)

    @handles(State)
    def learn(self, heard: State) -> State:
        for replica, count in heard.counts:
            self.counts[replica] = max(count, self.counts.get(replica, 0))
        return self.state()

    async def exchange(self, other: str) -> bool:
        """Tell another replica everything, learn everything from it; False if it did not answer."""
        try:
            self.learn(await self.network.request(other, self.state(), self.config.timeout.seconds, State))
        except (RequestTimeout, Unreachable):
            return False
        return True

    def state(self) -> State:
        return State(tuple(sorted(self.counts.items())))


class Client(Node):
    """Asks any replica to count one, once for every arrival."""

    config: ClientConfig

    async def offer(self, load: Load, number: int) -> None:
        replica = self.random.choice(self.directory.of_role("replica"))
        began = self.clock.monotonic()
        try:
            added = await self.network.request(replica, Add(), self.config.timeout.seconds, Added)
        except (RequestTimeout, RemoteError, Unreachable) as error:
            self.log.info("add %d: %s", number, error)
            self.metrics.counter("adds.unknown").add(1)
            return
        self.metrics.histogram("add.latency", unit="s").record(self.clock.monotonic() - began)
        self.emit(Acknowledged(replica, added.number))
