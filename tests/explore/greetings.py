"""A system for tests: clients greet a server over messages, the server answers and counts."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from simkit.card import Card, Heard, Metric, Role
from simkit.checks import Check, Step
from simkit.language.load import Load
from simkit.language.units import Duration
from simkit.network.handlers import handles
from simkit.network.message import Message
from simkit.node import Event, Node


class Greeting(Message, tag="greeting/1"):
    """Hello."""

    number: int


class Answer(Message, tag="answer/1"):
    """Hello yourself."""

    number: int


class Greeted(Event, tag="greeting.heard"):
    """The server heard a greeting."""

    number: int


class Answered(Event, tag="greeting.answered"):
    """A client has its answer."""

    number: int


class ServerConfig(BaseModel):
    """How the server behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forget: bool = False


class ClientConfig(BaseModel):
    """How clients behave."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    timeout: Duration = Duration(1_000_000_000)
    rude_at: int | None = None


class Server(Node):
    """Answers greetings."""

    config: ServerConfig

    def __init__(self) -> None:
        self.heard = 0

    @handles(Greeting)
    async def greet(self, greeting: Greeting) -> Answer:
        self.heard += 1
        self.metrics.counter("greetings").add(1)
        self.emit(Greeted(greeting.number))
        return Answer(-1 if self.config.forget else greeting.number)


class Client(Node):
    """Greets the server once for every arrival."""

    config: ClientConfig

    async def offer(self, load: Load, number: int) -> None:
        if number == self.config.rude_at:
            raise LookupError("no manners")
        began = self.clock.monotonic()
        try:
            answer = await self.network.request("server", Greeting(number), self.config.timeout.seconds)
        except (TimeoutError, ConnectionError, OSError):
            return
        self.metrics.histogram("greeting.latency", unit="s").record(self.clock.monotonic() - began)
        self.emit(Answered(answer.number))


class AnswersFit(Check):
    """Every answer is to a greeting that was heard."""

    name = "answers_fit"

    def __init__(self) -> None:
        super().__init__()
        self.heard: set[int] = set()
        self.count = 0

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        if isinstance(event, Greeted):
            self.heard.add(event.number)
        elif isinstance(event, Answered):
            self.count += 1
            if event.number not in self.heard:
                step = Step(time_ns, host, f"answer {event.number} came")
                self.violated(time_ns, host, f"answer {event.number} to nobody's greeting", step)

    def summary(self) -> str:
        return f"{self.count} answers"


def answers_per_s(heard: Sequence[Heard], window: tuple[int, int]) -> float | None:
    """Return how many answers came in a second of the window: a control for what the server heard."""
    count = sum(window[0] <= time_ns < window[1] for time_ns, _, _ in heard)
    return count / ((window[1] - window[0]) / 1e9)


card = Card(
    name="greetings",
    title="Clients greet a server",
    roles={
        "server": Role(Server, "answers", ServerConfig),
        "client": Role(Client, "greets", ClientConfig, takes_load=True),
    },
    load=Load,
    checks={"answers_fit": AnswersFit},
    events=(Greeted, Answered),
    metrics={
        "greetings": Metric("counter", "greetings heard"),
        "greeting.latency": Metric("histogram", "time to the answer", "s"),
    },
)
