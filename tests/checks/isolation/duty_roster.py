"""A system for tests: doctors' shifts, a store with optimistic transactions, and clients that read two and change one.

With `validate: reads` a commit is refused when anything that was read has changed since, which is serializable
(Kung and Robinson 1981); with `validate: writes` only when what it writes has, which is snapshot isolation.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from simkit.card import Card, Role
from simkit.checks.isolation import IsolationCheck
from simkit.language.load import Load
from simkit.network import Message, RequestTimeout, Unreachable, handles
from simkit.node import Node

MORNINGS, EVENINGS = ("shift-1", "shift-3", "shift-5"), ("shift-2", "shift-4", "shift-6")

Lists = tuple[tuple[str, tuple[int, ...]], ...]


class Read(Message, tag="duty.read/1"):
    """What do these keys hold?"""

    keys: tuple[str, ...]


class Values(Message, tag="duty.values/1"):
    """They hold this."""

    values: Lists


class Commit(Message, tag="duty.commit/1"):
    """Append an element, if what was seen still stands."""

    seen: Lists
    key: str
    element: int


class Answer(Message, tag="duty.answer/1"):
    """Done, or refused."""

    done: bool


class StoreConfig(BaseModel):
    """How careful the store is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validate_by: Literal["reads", "writes"] = "reads"


class Store(Node):
    """Keeps the lists."""

    config: StoreConfig

    def __init__(self) -> None:
        self.lists: dict[str, tuple[int, ...]] = {}

    @handles(Read)
    def read(self, request: Read) -> Values:
        return Values(tuple((key, self.lists.get(key, ())) for key in request.keys))

    @handles(Commit)
    def commit(self, request: Commit) -> Answer:
        for key, value in request.seen:
            if self.lists.get(key, ()) != value and (self.config.validate_by == "reads" or key == request.key):
                return Answer(False)
        self.lists[request.key] = (*self.lists.get(request.key, ()), request.element)
        return Answer(True)


class Client(Node):
    """Reads two keys and appends to one of them."""

    async def offer(self, load: Load, number: int) -> None:
        keys = (self.random.choice(MORNINGS), self.random.choice(EVENINGS))
        key, element = self.random.choice(keys), number * 10 + int(self.name[-1])
        wanted = [("read", keys[0], None), ("read", keys[1], None), ("append", key, element)]
        operation = self.invoke("transaction", wanted, process=f"{self.name}/offer-{number}")
        try:
            found = await self.network.request("store", Read(keys), 1.0, Values)
        except (RequestTimeout, Unreachable):
            operation.fail("nothing was read")
            return
        try:
            answer = await self.network.request("store", Commit(found.values, key, element), 1.0, Answer)
        except (RequestTimeout, Unreachable):
            operation.info("no answer to the commit")
            return
        if answer.done:
            operation.ok([*(("read", one, value) for one, value in found.values), wanted[2]])
        else:
            operation.fail("refused")


class Strict(IsolationCheck):
    """Transactions could have happened one after the other, in real time."""

    name = "strict_serializable"
    level = "strict-serializable"


class SnapshotIsolated(IsolationCheck):
    """Transactions could have happened on snapshots."""

    name = "snapshot_isolated"
    level = "strong-snapshot-isolation"


card = Card(
    name="duty_roster",
    title="A store with optimistic transactions",
    roles={
        "store": Role(Store, "keeps lists", StoreConfig),
        "client": Role(Client, "reads two lists, appends to one", takes_load=True),
    },
    load=Load,
    checks={check.name: check for check in (Strict, SnapshotIsolated)},
)
