"""The card of a system: the one readable place that declares what it is made of and what it claims.

The scenario language, the audit, the documentation page and `simkit list` are all generated from it, so a system says
everything once. Two of its tables make claims executable: a switch turns a protection off and names the check that
then breaks; a figure names a published number and the experiment that measures it.

It deliberately holds no code of its own: classes and plain values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from simkit.checks.check import Check
from simkit.node import Event, Node


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
    """

    node: type[Node]
    doc: str
    config: type[BaseModel] = NoConfig
    takes_load: bool = False


@dataclass(frozen=True)
class Metric:
    """A metric that expectations and plots may name."""

    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    unit: str = ""


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
        switches: the protections that can be turned off.
    """

    name: str
    title: str
    roles: Mapping[str, Role]
    checks: Mapping[str, type[Check]] = field(default_factory=dict)
    load: type[BaseModel] | None = None
    events: tuple[type[Event], ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    switches: tuple[Switch, ...] = ()
