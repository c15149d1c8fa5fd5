"""A made-up system of two roles and a handful of faults, so that the language is tested without any real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from simkit.fault import Act, Condition
from simkit.language.library import Library
from simkit.language.load import Load
from simkit.language.scenario import Scenario, load_scenario
from simkit.language.units import Distribution, Duration, Fraction, Offset, read_distribution


class BrokerConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    fsync: Literal["always", "everysec", "never"] = "always"


class WorkerConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    lease: Duration = Duration.parse("60s")
    slots: int = Field(default=4, ge=1)
    lease_token: bool = True
    service: Distribution = read_distribution("exp(1s)")


class TaskLoad(Load):
    service: Distribution = read_distribution("1s")


class _Held(Condition):
    @contextmanager
    def hold(self, arena: Any, targets: Any) -> Iterator[None]:
        yield


class Pause(_Held):
    word = "pause"


class Kill(_Held):
    word = "kill"


class Wipe(_Held):
    word = "wipe"
    excludes: ClassVar[frozenset[str]] = frozenset({"pause"})


class PowerCut(_Held):
    word = "power_cut"


class Partition(_Held):
    word = "partition"
    target = "groups"
    reject: bool = False


class Loss(_Held):
    word = "loss"
    target = "links"
    share: Fraction = Field(description="share of packets lost")


class ClockStep(Act):
    word = "clock_step"
    by: Offset = Field(description="how far the clock jumps")

    def strike(self, arena: Any, targets: Any) -> None: ...


FAULTS: Mapping[str, type[BaseModel]] = {
    fault.word: fault for fault in (Pause, Kill, Wipe, PowerCut, Partition, Loss, ClockStep)
}


@dataclass(frozen=True)
class FakeRole:
    config: type[BaseModel]
    takes_load: bool = False


class NoConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class FakeCard:
    name: str = "task_queue"
    title: str = "A made-up queue"
    roles: Mapping[str, FakeRole] = field(
        default_factory=lambda: {
            "broker": FakeRole(BrokerConfig),
            "worker": FakeRole(WorkerConfig),
            "client": FakeRole(NoConfig, takes_load=True),
        }
    )
    load: type[BaseModel] | None = TaskLoad
    checks: Mapping[str, Any] = field(
        default_factory=lambda: dict.fromkeys(("no_acked_task_lost", "effect_once", "queue_drained"))
    )
    events: tuple[str, ...] = ("task.redelivered", "plan.apply")
    metrics: Mapping[str, str] = field(default_factory=lambda: {"task.latency": "s", "queue.depth": "tasks"})


@dataclass(frozen=True)
class Leading(FakeCard):
    name: str = "raft"
    dynamic_roles: tuple[str, ...] = ("leader",)


class FakeRegistry:
    def __init__(self) -> None:
        self._cards: dict[str, FakeCard] = {"task_queue": FakeCard(), "raft": Leading()}

    def systems(self) -> tuple[str, ...]:
        return tuple(self._cards)

    def card(self, system: str) -> FakeCard:
        return self._cards[system]

    def faults(self) -> Mapping[str, type[BaseModel]]:
        return FAULTS


Loader = Callable[..., Scenario]


@pytest.fixture(scope="session")
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture(scope="session")
def card(registry: FakeRegistry) -> FakeCard:
    return registry.card("task_queue")


@pytest.fixture(scope="session")
def steady() -> str:
    """The text of a whole scenario, the one of the design."""
    return (Path(__file__).parent / "library" / "task_queue" / "steady.yaml").read_text()


@pytest.fixture(scope="session")
def library() -> Library:
    return Library(Path(__file__).parent / "library")


@pytest.fixture
def load(tmp_path: Path, registry: FakeRegistry, library: Library, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Load a scenario from text, as `my.yaml`, or by name with `text=None`."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str | bytes, **options: Any) -> Scenario:
        Path("my.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_scenario("my.yaml", registry=registry, library=library, **options)

    return load_text
