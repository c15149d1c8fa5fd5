"""A system for tests: two machines, and leaks planted on purpose; `leak` in the config says which one."""

import ctypes
import random
import threading
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from simkit.card import Card, Role
from simkit.language.load import Load
from simkit.network.handlers import handles
from simkit.network.message import Message
from simkit.node import Event, Node

LIBC = ctypes.CDLL(None)
CLOCK = ctypes.CFUNCTYPE(ctypes.c_long)(("clock", LIBC))  # looked up now, before any world
SHARES = 64


class Share(Message, tag="share/1"):
    """One share of the work."""

    number: int


class Shared(Event, tag="share.taken"):
    """A share has arrived."""

    number: int


class Config(BaseModel):
    """What the sender does with the real world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    leak: Literal["nothing", "set", "foreign clock", "early foreign clock", "thread", "generator", "file"] = "nothing"


class Work:
    """Hashes by its address, as objects do that define no hash of their own."""

    def __init__(self, number: int) -> None:
        self.number = number


class Sender(Node):
    """Sends shares to the receiver, in an order that the leak decides."""

    config: Config

    async def offer(self, load: Load, number: int) -> None:
        for share in self.shares():
            self.network.send("receiver", Share(share))

    def shares(self) -> list[int]:
        match self.config.leak:
            case "set":
                return [work.number for work in {Work(number) for number in range(SHARES)}]
            case "foreign clock":
                return [LIBC.time(None)]  # a clock
            case "early foreign clock":
                return [CLOCK()]
            case "thread":
                threading.Thread(target=print, name="sweeper").start()  # a thread
            case "generator":
                return [random.Random().getrandbits(32), int(np.random.default_rng().integers(2**32))]
            case "file":
                return [len(open("/etc/hostname").read())]  # a file
        return list(range(SHARES))


class Receiver(Node):
    """Tells what it got."""

    @handles(Share)
    async def take(self, share: Share) -> None:
        self.emit(Shared(share.number))


card = Card(
    name="leaks",
    title="A sender with a leak",
    roles={
        "sender": Role(Sender, "sends", Config, takes_load=True),
        "receiver": Role(Receiver, "receives"),
    },
    load=Load,
    checks={},
    events=(Shared,),
    metrics={},
)
