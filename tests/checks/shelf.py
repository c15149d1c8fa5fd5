"""A store for tests: a primary that takes all puts, and a copy that hears of them a little later."""

import asyncio

from pydantic import BaseModel, ConfigDict

from simkit.card import Card, Role
from simkit.checks import Budget, Convergence, KeyValue, Linearizability, MonotonicReads, sees
from simkit.language.load import Load
from simkit.network import Message, RemoteError, RequestTimeout, Unreachable, handles
from simkit.node import Event, Node


class ClientConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reads_from: str = "primary"


class Put(Message, tag="shelf.put/1"):
    key: str
    value: int


class Get(Message, tag="shelf.get/1"):
    key: str


class Item(Message, tag="shelf.item/1"):
    value: int


class Copied(Message, tag="shelf.copied/1"):
    key: str
    value: int


class Held(Event, frozen=True, tag="shelf.held"):
    items: tuple[tuple[str, int], ...]


class Stored(Event, frozen=True, tag="shelf.stored"):
    """The primary took a put."""


class Shelf(Node):
    """Holds items; the primary tells the copy of every put, and the copy tells nobody."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}

    @handles(Put)
    def put(self, request: Put) -> Item:
        self.items[request.key] = request.value
        self.network.send("copy", Copied(request.key, request.value))
        self.emit(Stored())
        self.tell()
        return Item(request.value)

    @handles(Copied)
    def copied(self, news: Copied) -> None:
        self.items[news.key] = max(news.value, self.items.get(news.key, 0))
        self.tell()

    @handles(Get)
    def get(self, request: Get) -> Item:
        return Item(self.items.get(request.key, 0))

    def tell(self) -> None:
        self.emit(Held(tuple(sorted(self.items.items()))))


class Client(Node):
    """The first one puts growing numbers, the others get; each does one thing at a time and records it."""

    config: ClientConfig

    def __init__(self) -> None:
        self.turn = asyncio.Lock()

    async def offer(self, load: Load, number: int) -> None:
        async with self.turn:
            key = self.random.choice(("x", "y"))
            request: Put | Get
            if self.name == "clients-0":
                operation, request, where = self.invoke("put", (key, number + 1)), Put(key, number + 1), "primary"
            else:
                reads_from = self.config.reads_from
                where = self.random.choice(("primary", "copy")) if reads_from == "any" else reads_from
                operation, request = self.invoke("get", key), Get(key)
            try:
                item = await self.network.request(where, request, 0.5, Item)
            except (RequestTimeout, RemoteError, Unreachable) as error:
                operation.info(str(error))
            else:
                operation.ok(item.value)


class Linearizable(Linearizability):
    """Every get returns what the latest put wrote."""

    name = "linearizable"
    model = KeyValue(missing=0)


class Unaffordable(Linearizable):
    """The same, with nothing to spend."""

    name = "unaffordable"
    budget = Budget(steps=-1)


class ReadsNeverGoBack(MonotonicReads):
    """A client that saw a number never sees a smaller one."""

    name = "reads_never_go_back"


class CopiesAgree(Convergence):
    """Primary and copy hold the same when nothing is put any more."""

    name = "copies_agree"
    quiet_s = 2.0

    @sees(Held)
    def _held(self, time_ns: int, host: str, event: Held) -> None:
        self.replica(time_ns, host, event.items)

    @sees(Stored)
    def _stored(self, time_ns: int, host: str, event: Stored) -> None:
        self.disturbed(time_ns)


CHECKS = (Linearizable, Unaffordable, ReadsNeverGoBack, CopiesAgree)

card = Card(
    name="shelf",
    title="A store with a copy that lags behind",
    roles={"shelf": Role(Shelf, "holds items"), "client": Role(Client, "puts and gets", ClientConfig, takes_load=True)},
    load=Load,
    checks={check.name: check for check in CHECKS},
    events=(Held, Stored),
)
