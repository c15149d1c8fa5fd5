"""The models of a scenario file: which keys there are, what each holds, and one line about each.

These say what can be written; whether it makes sense together (a target that matches no host, a fault after the end) is
deliberately judged later, in `sense.py`. What a system or a fault adds (config, load, a fault's own fields) comes from
its own models, so three sections stay open maps here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from simkit.language.links import NetworkModel
from simkit.language.problem import Refusal, quoted
from simkit.language.quantity import kind_of
from simkit.language.units import Drift, Duration, Fraction, Offset, Size

OpenMap = dict[str, Any]


def _read_date(value: object) -> int:
    """Unix time in nanoseconds of a date or a date with a time; without a zone it is UTC."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Refusal(f"expected a date such as `2026-03-01` or `2026-03-01T12:00:00Z`, found {kind_of(value)}")
    if not 1970 <= moment.year < 2200:
        raise Refusal(f"{quoted(value)} lies outside the years 1970 to 2199")
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1000


Date = Annotated[
    int,
    PlainValidator(_read_date),
    WithJsonSchema({"type": "string", "description": "a date, or a date and time", "examples": ["2026-03-01"]}),
]


class Part(BaseModel):
    """What all models of a file share: nothing changes after reading, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class TimeDaemonModel(Part):
    """Who keeps a clock right: NTP over the simulated network."""

    servers: tuple[str, ...] = Field(min_length=1, description="hosts or groups whose clocks it asks")
    poll: Duration = Field(default=Duration(64 * 10**9), ge=10**9, description="time between polls, 1s or more")


class ClockModel(Part):
    """How a machine's clock is wrong, and who corrects it."""

    offset: Offset = Field(default=Offset(0), description="how far the wall clock is ahead at the start")
    drift: Drift = Field(default=Drift(0), description="how much too fast the clock runs")
    wander: Drift = Field(default=Drift(0), ge=0, description="how far its frequency strays at random within a second")
    bound: Duration = Field(default=Duration(0), description="how far off it is said to be at most")
    ntp: TimeDaemonModel | None = Field(default=None, description="who keeps it right; nobody without it")


class HostModel(Part):
    """A group of like machines; without `count` one machine that carries the group's name."""

    role: str = Field(description="the system's role whose program runs on it")
    count: int | None = Field(default=None, ge=1, description="how many in all, named NAME-0, NAME-1, ...")
    zone: str | None = Field(default=None, description="the zone all of them are in")
    zones: tuple[str, ...] | None = Field(default=None, min_length=1, description="zones handed out in turn")
    rack: str | None = Field(default=None, description="the rack all of them stand in")
    racks: tuple[str, ...] | None = Field(default=None, min_length=1, description="racks handed out in turn")
    region: str | None = Field(default=None, description="the region all of them are in")
    regions: tuple[str, ...] | None = Field(default=None, min_length=1, description="regions handed out in turn")
    disk: str = Field(default="ssd", description="the disk's model")
    cores: int = Field(default=1, ge=1, le=1024, description="processor cores of each")
    clock: ClockModel = Field(default=ClockModel(), description="how its clock is wrong")

    @model_validator(mode="after")
    def _one_way_to_say_places(self) -> Self:
        for one, several in (("zone", "zones"), ("rack", "racks"), ("region", "regions")):
            if getattr(self, one) is not None and getattr(self, several) is not None:
                raise Refusal(f"`{one}` and `{several}` are both given; one of them says it")
        return self


class BudgetModel(Part):
    """How many hosts of a group all faults together may strike at once."""

    down: int | Literal["minority"] = Field(description="a number of hosts, or the largest minority")
    settle: Duration = Field(default=Duration(0), description="how much longer than its fault a host counts as struck")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if isinstance(self.down, int) and self.down < 1:
            raise Refusal("a budget of no host is no fault at all; leave the faults out instead")
        return self


class SwarmModel(Part):
    """Every seed plays a random subset of the faults: what a fault alone hides from the others comes out."""

    keep: Fraction = Field(default=Fraction(0.5), description="the chance of each fault to take part in a run")
    of: tuple[str, ...] | None = Field(default=None, description="the faults it is about; all of them without it")
    by: Literal["entry", "family"] = Field(
        default="entry", description="what is drawn: each entry, or each family (`simkit list`) with all its entries"
    )


class RunLimits(Part):
    """Bounds that the file sets for its own run; a run that reaches one ends as unknown or error."""

    events: int = Field(default=100_000_000, ge=1, le=10**10, description="records of the whole run")
    steps_per_instant: int = Field(default=100_000, ge=1, le=10**8, description="steps of one host in one instant")
    trace_size: Size = Field(default=Size(1 << 30), description="bytes of trace kept")


class SweepModel(Part):
    """Many runs of one file: every combination of the values, each with so many seeds."""

    vary: dict[str, tuple[Any, ...]] = Field(default={}, description="path: list of values")
    seeds: int = Field(default=1, ge=1, description="seeds for each combination")


class VariantModel(Part):
    """The same scenario with something changed: sections put over the file's own, then `set:` paths."""

    title: str | None = Field(default=None, description="what differs, in one line")
    set: OpenMap = Field(default={}, description="path: value")
    expect: tuple[str, ...] | None = Field(default=None, description="replaces expectations about the same subject")
    seed: int | None = Field(default=None, description="another seed")
    start: Any = Field(default=None, description="another date")
    duration: Any = Field(default=None, description="another length")
    warmup: Any = Field(default=None, description="another warm-up")
    hosts: OpenMap | None = Field(default=None, description="changes to hosts")
    network: OpenMap | None = Field(default=None, description="changes to the network")
    config: OpenMap | None = Field(default=None, description="changes to config")
    load: OpenMap | None = Field(default=None, description="changes to load")
    faults: OpenMap | None = Field(default=None, description="changes to faults; NAME: null takes one away")
    budget: OpenMap | None = Field(default=None, description="changes to the budget")
    swarm: Any = Field(default=None, description="another swarm")
    supervise: Any = Field(default=None, description="another supervision")
    limits: OpenMap | None = Field(default=None, description="other limits")


class ScenarioModel(Part):
    """One scenario file."""

    title: str = Field(min_length=1, max_length=200, description="what it shows, in one line")
    system: str = Field(description="the system that is simulated")
    seed: int = Field(default=1, ge=0, lt=2**64, description="the one number that all chance comes from")
    start: Date | None = Field(default=None, description="the date at which virtual time begins")
    duration: Duration = Field(description="how long the run lasts, in virtual time")
    warmup: Duration = Field(default=Duration(0), description="left out of the statistics")
    hosts: dict[str, HostModel] = Field(min_length=1, description="machines, by name")
    network: NetworkModel = Field(default=NetworkModel(), description="`default`, `a <-> b`, `a -> b`: links; and more")
    config: dict[str, OpenMap] = Field(default={}, description="settings of the system's programs, by role")
    load: dict[str, OpenMap] = Field(default={}, description="what arrives from outside, by name")
    faults: dict[str, OpenMap] = Field(default={}, description="what goes wrong, by name")
    budget: dict[str, BudgetModel] = Field(default={}, description="how many of whom are struck at once, by target")
    swarm: SwarmModel | None = Field(default=None, description="each seed plays a random subset of the faults")
    expect: tuple[str, ...] = Field(default=(), description="what must come out")
    variants: dict[str, VariantModel] = Field(default={}, description="the same with something changed, by name")
    sweep: SweepModel | None = Field(default=None, description="many runs of this file")
    extends: str | None = Field(default=None, description="the scenario this one changes: a name or a file")
    supervise: Literal["never", "restart"] = Field(default="never", description="what follows when a program crashes")
    source: str | tuple[str, ...] = Field(default=(), description="where the story is told, for an outage")
    claims: str | tuple[str, ...] = Field(default=(), description="what this file says happened")
    simplified: str | tuple[str, ...] = Field(default=(), description="what this file leaves out")
    limits: RunLimits = Field(default=RunLimits(), description="bounds of the run")
