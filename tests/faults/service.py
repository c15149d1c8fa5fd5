"""A system for tests of what changes programs: servers that say twice a second how they are set, and which they are.

They also send each other notes, whose contents are told when they arrive; see `test_byzantine.py`.
"""

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from simkit.card import Card, Role, TakenRole
from simkit.network.handlers import handles
from simkit.network.message import Message
from simkit.node import Event, Node


class Note(Message, tag="service.note/1"):
    number: int
    text: str = "fine"


class Receipt(Message, tag="service.receipt/1"):
    number: int


class Ticked(Event, tag="ticked"):
    greeting: str
    loud: bool
    version: int


class Noted(Event, tag="noted"):
    sender: str
    number: int
    text: str


class Receipted(Event, tag="receipted"):
    sender: str
    number: int
    sent: int


class Limits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    strict: bool = False
    most: int = Field(5, ge=1)


class ServiceConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    greeting: str = "hello"
    loud: bool = False
    notes: bool = False
    limits: Limits = Limits()


class Service(Node):
    """Ticks."""

    config: ServiceConfig
    version = 1

    async def run(self) -> None:
        number = 0
        while True:
            self.emit(Ticked(self.config.greeting, self.config.loud, self.version))
            await asyncio.sleep(0.5)
            if self.config.notes and self.name == "s-0":
                number += 1
                for peer in self.directory.of_role("server"):
                    if peer != self.name:
                        self.network.send(peer, Note(number))
                asyncio.create_task(self.ask(number))  # noqa: RUF006

    async def ask(self, number: int) -> None:
        try:
            reply = await self.network.request("s-1", Note(number, "asked"), 5.0, expect=Receipt)
        except TimeoutError:
            return
        self.emit(Receipted("s-1", reply.number, number))

    @handles(Note)
    async def note(self, note: Note) -> Receipt:
        self.emit(Noted(self.network.sender, note.number, note.text))
        return Receipt(note.number)


class NextService(Service):
    """The next release."""

    version = 2


card = Card(
    name="service",
    title="Servers that say how they are set",
    roles={
        "server": Role(Service, "ticks", ServiceConfig, versions={"next": NextService}),
        "other": Role(Service, "ticks too", ServiceConfig),
    },
    events=(Ticked, Noted, Receipted),
    dynamic_roles={"leader": TakenRole(Ticked)},
)
