"""The card of a system: the one readable place that declares what it is made of and what it claims.

The scenario language, the audit, the documentation page and `simkit list` are all generated from it, so a system says
everything once. Two of its tables make claims executable: a switch turns a protection off and names the check that
then breaks; a figure names a published number and the experiment that measures it.

It deliberately holds no code of a system: classes and plain values. What a table names (scenarios, variants, metrics)
is looked up by the audit, not here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from simkit.checks.check import Check
from simkit.node import Event, Node
from simkit.plot import Plot


class NoConfig(BaseModel):
    """The config of a role that has nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Role:
    """One kind of host of a system.

    Attributes:
        node: the program that runs on it.
        doc: what it does, in one line.
        config: the pydantic model of its settings.
        takes_load: whether a load may name it in ``from:``.
        versions: other releases of the program, by name, for rolling deploys; messages carry the version in their tag.
    """

    node: type[Node]
    doc: str
    config: type[BaseModel] = NoConfig
    takes_load: bool = False
    versions: Mapping[str, type[Node]] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A metric that expectations and plots may name."""

    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    unit: str = ""


@dataclass(frozen=True)
class TakenRole:
    """A role that hosts take while the system runs, such as `leader`: faults may be aimed at whoever holds it.

    Who holds it is known from events alone: the host that emitted the last `taken`.

    Attributes:
        taken: emitted by the host that takes the role.
        left: emitted by the host that gives it up; None if it only ever passes to another.
        order: a field of `taken` that grows from holder to holder, such as a term: one that is lower came too late.
        scope: a field of both events that tells of what, where there are several at a time.
        of: what a scope is called in files: with `range`, ``leader of range 7``.
    """

    taken: type[Event]
    left: type[Event] | None = None
    order: str = ""
    scope: str = ""
    of: str = ""


@dataclass(frozen=True)
class Switch:
    """A protection that can be turned off.

    Attributes:
        setting: the knob, as a path of the scenario file with the value that turns it off.
        protects: what it is there for, in one line.
        check: the check that breaks without it.
        scenario: where that is shown.
        variant: the variant of that scenario which turns it off.
    """

    setting: str
    protects: str
    check: str
    scenario: str
    variant: str


@dataclass(frozen=True)
class Law:
    """A closed-form law with its parameters; its number is worked out when it is asked for.

    Attributes:
        function: of `simkit.laws`; it returns a number, or one for each of several classes.
        parameters: what it is called with, by name.
        part: which of its results, counted from 0, where it returns several.
    """

    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    part: int | None = None

    def value(self) -> float:
        """Return the law's number, in the unit that the function's name ends in."""
        result = self.function(**self.parameters)
        return float(result if self.part is None else result[self.part])

    def in_words(self) -> str:
        """Return the call as one would type it: ``erlang.mean_wait_s(servers=8, arrivals_per_s=7, service_s=1)``."""
        module = self.function.__module__.rpartition(".")[2]
        given = ", ".join(f"{name}={_plain(value)}" for name, value in self.parameters.items())
        which = "" if self.part is None else f"[{self.part}]"
        return f"{module}.{self.function.__name__}({given}){which}"


Heard = tuple[int, str, Event]
"""An emitted event: when, in ns of virtual time, on which host, and what."""


@dataclass(frozen=True)
class Control:
    """A simpler experiment on the very draws of a run, whose expectation is known (an external control variate).

    Attributes:
        function: on the top level of a module: ``function(heard, window, **parameters)``, where `heard` is the events
            of the run in order, each as (time_ns, host, event), and `window` is (begin_ns, end_ns) without its end; it
            returns a number, or None where nothing happened in the window.
        parameters: plain values.
        events: the kinds of events that it is given.
        expected: the mean of its number.
        slope: what the figure's number is too high by where the control's is too high by 1. It is chosen beforehand; a
            wrong one makes the interval wider, never the number wrong.
    """

    function: Callable[..., float | None]
    parameters: Mapping[str, Any]
    events: tuple[type[Event], ...]
    expected: float | Law
    slope: float = 1.0

    @property
    def expectation(self) -> float:
        """The expected number, worked out where it is a law."""
        return _number(self.expected)

    @property
    def path(self) -> str:
        """Where the function is found, as ``module:name``."""
        return f"{self.function.__module__}:{self.function.__name__}"

    def in_words(self) -> str:
        """Return the call: ``ideal.mean_wait_s(servers=8)``."""
        return Law(self.function, self.parameters).in_words()


def law(function: Callable[..., float], /, **parameters: Any) -> Law:
    """Return a law that gives one number: ``law(erlang.mean_wait_s, servers=8, arrivals_per_s=7, service_s=1)``."""
    return Law(function, parameters)


def law_of_class(part: int, function: Callable[..., Sequence[float]], /, **parameters: Any) -> Law:
    """Return a law that gives one number for each class, of which `part` (from 0) is meant."""
    return Law(function, parameters, part)


def _number(given: float | Law) -> float:
    return given.value() if isinstance(given, Law) else given


def _plain(value: Any) -> str:
    return f"({', '.join(_plain(each) for each in value)})" if isinstance(value, (tuple, list)) else f"{value!r}"


@dataclass(frozen=True)
class Figure:
    """A published number or law, and the experiment that measures it.

    Attributes:
        name: what is measured, in a few words; no two figures of a card share it.
        source: who published it, and where.
        published: the number of the source, or the law that gives it.
        statistic: what is measured in each run, in the words of `expect:`, with ``where LABEL=VALUE`` and ``/`` added:
            ``task.wait mean in steady where priority=0``, ``tasks.waited count / tasks.leased count``.
        tolerance: how far from the published number the measured one may lie, as a share of it (0.04 for 4%).
        scenario: the experiment, by name or file.
        unit: of the number, for those who read it.
        variant: of the scenario, or None for the file as it is.
        overrides: further changes to it, PATH=VALUE as for ``--set``.
        seeds: how many independent runs, unless the audit is asked for another number.
        items: how many items all runs together must have measured before the verdict counts; 0 for any number.
        items_counted: what counts them, as a statistic; by default the ``count`` of the metric that `statistic` is
            taken over (of a fraction, the one below the line).
        control: what narrows the interval without more runs, or None; it is given the window of `statistic`.
    """

    name: str
    source: str
    published: float | Law
    statistic: str
    tolerance: float
    scenario: str
    unit: str = ""
    variant: str | None = None
    overrides: tuple[str, ...] = ()
    seeds: int = 10
    items: int = 0
    items_counted: str = ""
    control: Control | None = None

    @property
    def value(self) -> float:
        """The published number, worked out where it is a law."""
        return _number(self.published)


@dataclass(frozen=True)
class Exercise:
    """A part of a node that lessons let students write: a class of a few methods that take and return plain data.

    Attributes:
        role: whose node has the part.
        attribute: of the node's class, where the part's class stands; the node makes one at every boot.
        methods: by name the type that each returns; arguments are positional.
        doc: what the part is for, in one line.
    """

    role: str
    attribute: str
    methods: Mapping[str, Any]
    doc: str


@dataclass(frozen=True)
class Card:
    """One system.

    Attributes:
        name: its folder, its ``system:`` word and its extra.
        title: one line.
        roles: by the word used in ``role:``.
        checks: by the name used in ``expect:``.
        load: the model of an entry under ``load:``, or None if nothing arrives from outside.
        events: every kind of event its nodes emit.
        metrics: by name.
        points: the fault points that its programs pass, each with what a crash there finds; those of disks come by
            themselves.
        switches: the protections that can be turned off.
        figures: the published numbers that it reproduces.
        plots: figures of its own, which reports show before those of the metrics.
        dynamic_roles: roles that hosts take while the system runs, by the word that targets use.
        exercises: parts that students may write, by name.
        words: what words in its messages mean that say nothing by themselves, such as the digest of a script.
    """

    name: str
    title: str
    roles: Mapping[str, Role]
    checks: Mapping[str, type[Check]] = field(default_factory=dict)
    load: type[BaseModel] | None = None
    events: tuple[type[Event], ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    points: Mapping[str, str] = field(default_factory=dict)
    switches: tuple[Switch, ...] = ()
    figures: tuple[Figure, ...] = ()
    plots: tuple[type[Plot], ...] = ()
    dynamic_roles: Mapping[str, TakenRole] = field(default_factory=dict)
    exercises: Mapping[str, Exercise] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
