"""A system for tests that goes metastable: a server with a queue, and clients that give up waiting and try again.

The server works off what it was sent, in order, also for those who have given up. While it is slow a queue grows; once
the queue is longer than the clients' patience every answer comes too late, and every request is sent several times,
which is more than the server can do even when it is fast again. A retry budget, a tenth of a retry for each request,
keeps the work below what the server can do, and the queue drains.
"""

from pydantic import BaseModel, ConfigDict

from simkit.card import Card, Role
from simkit.checks import BurnRateAlert, Metastability, ServiceLevelObjective, sees
from simkit.language.load import Load
from simkit.language.units import Duration
from simkit.network import Message, RequestTimeout, Unreachable, handles
from simkit.node import Event, Node


class Ask(Message, tag="storm.ask/1"):
    """Please work for me."""

    number: int


class Done(Message, tag="storm.done/1"):
    """It is done."""

    number: int


class Requested(Event, frozen=True, tag="storm.requested"):
    """A user wants something."""


class Answered(Event, frozen=True, tag="storm.answered"):
    """The user has it."""

    latency_s: float


class GivenUp(Event, frozen=True, tag="storm.given_up"):
    """The user does not get it."""


class Retried(Event, frozen=True, tag="storm.retried"):
    """A client tries again."""


class ServerConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    service: Duration = Duration(20_000_000)


class ClientConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    patience: Duration = Duration(1_000_000_000)
    attempts: int = 4
    retries_per_request: float | None = None


class Server(Node):
    """Does one thing after the other."""

    config: ServerConfig

    @handles(Ask, serial=True)
    async def ask(self, request: Ask) -> Done:
        await self.cpu.work(self.config.service.seconds)
        return Done(request.number)


class Client(Node):
    """Tries several times; with a retry budget, only as long as that lasts (a token bucket, as Finagle's)."""

    config: ClientConfig

    def __init__(self) -> None:
        self.tokens = 0.0

    async def offer(self, load: Load, number: int) -> None:
        self.emit(Requested())
        if self.config.retries_per_request is not None:
            self.tokens = min(10.0, self.tokens + self.config.retries_per_request)
        began = self.clock.monotonic()
        for attempt in range(self.config.attempts):
            if attempt and not self.may_retry():
                break
            try:
                await self.network.request("server", Ask(number), self.config.patience.seconds, Done)
            except (RequestTimeout, Unreachable):
                continue
            self.emit(Answered(self.clock.monotonic() - began))
            return
        self.emit(GivenUp())

    def may_retry(self) -> bool:
        if self.config.retries_per_request is not None:
            if self.tokens < 1:
                return False
            self.tokens -= 1
        self.emit(Retried())
        return True


class RecoversByItself(Metastability):
    """Once the server is fast again, users are answered again."""

    name = "recovers_by_itself"
    within_s = 30.0

    @sees(Requested)
    def _requested(self, time_ns: int, host: str, event: Requested) -> None:
        self.offered(time_ns)

    @sees(Answered)
    def _answered(self, time_ns: int, host: str, event: Answered) -> None:
        self.served(time_ns)


class AnsweredInTime(ServiceLevelObjective):
    """Three in five users are answered within half a second, fault or not."""

    name = "answered_in_time"
    objective = 0.6
    threshold_s = 0.5
    alerts = (BurnRateAlert("page", long_s=20.0, short_s=5.0, rate=2.0),)

    @sees(Answered)
    def _answered(self, time_ns: int, host: str, event: Answered) -> None:
        self.answered(time_ns, host, event.latency_s)

    @sees(GivenUp)
    def _given_up(self, time_ns: int, host: str, event: GivenUp) -> None:
        self.bad(time_ns, host, "given up")


CHECKS = (RecoversByItself, AnsweredInTime)

card = Card(
    name="retry_storm",
    title="A server with a queue, and clients that try again",
    roles={
        "server": Role(Server, "works", ServerConfig),
        "client": Role(Client, "asks for users", ClientConfig, takes_load=True),
    },
    load=Load,
    checks={check.name: check for check in CHECKS},
    events=(Requested, Answered, GivenUp, Retried),
)
