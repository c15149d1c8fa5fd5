"""A scenario, resolved: what a world is made from.

One immutable object in which everything keeps its place in the file, so that a later error or a report can point at
the line. Deliberately without behaviour of a run: no world is made here and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel

from simkit.kernel.stream import Stream
from simkit.language.budget import Allowance
from simkit.language.expectation import Expected
from simkit.language.injection import Injection
from simkit.language.model import RunLimits
from simkit.language.problem import Position
from simkit.language.roster import Roster
from simkit.language.target import Target
from simkit.language.text import Entry, MappingNode, Node, ScalarNode, plain_of
from simkit.language.units import Duration
from simkit.language.wiring import Wiring


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """One entry of `load:`: the system's own model, and who offers it."""

    name: str
    model: BaseModel
    targets: tuple[Target, ...]
    position: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What `sweep:` varies: each path with its values as YAML text."""

    vary: tuple[tuple[str, tuple[str, ...]], ...]
    seeds: int

    @property
    def runs(self) -> int:
        """How many runs that makes."""
        count = self.seeds
        for _, values in self.vary:
            count *= len(values)
        return count


@dataclass(frozen=True, slots=True)
class Swarm:
    """What `swarm:` says: the chance of each of these faults to take part in a run.

    `lots` names for each fault the lot it is drawn by: its own, or that of its family.
    """

    keep: float
    lots: Mapping[str, str]


@dataclass(frozen=True)
class Scenario:
    """Everything a run needs to know; `document` is the resolved tree, with the place of every node, and `changes` is
    what the variant's `set:` and the command line changed, as PATH=VALUE.

    Two are equal if they mean the same, wherever and however they were written.
    """

    name: str = field(compare=False)
    file: str = field(compare=False)
    title: str
    system: str
    seed: int
    variant: str | None
    start_ns: int | None
    duration: Duration
    warmup: Duration
    roster: Roster
    wiring: Wiring
    config: Mapping[str, BaseModel]
    loads: tuple[LoadSpec, ...]
    faults: tuple[Injection, ...]
    budget: tuple[Allowance, ...]
    swarm: Swarm | None
    expectations: tuple[Expected, ...]
    variants: tuple[str, ...]
    sweep: Sweep | None
    supervise: Literal["never", "restart"]
    source: tuple[str, ...]
    claims: tuple[str, ...]
    simplified: tuple[str, ...]
    limits: RunLimits
    document: MappingNode = field(compare=False, repr=False)
    changes: tuple[str, ...] = field(compare=False, default=())

    @property
    def left_out(self) -> frozenset[str]:
        """The faults that the swarm leaves out with this seed; each lot is drawn by itself."""
        if self.swarm is None:
            return frozenset()
        keep = self.swarm.keep
        return frozenset(name for name, lot in self.swarm.lots.items() if not Stream(self.seed, lot).chance(keep))

    def position(self, path: str) -> Position:
        """Where the value at a dotted path was written; the start of the file if it was not."""
        node: Node = self.document
        found = self.document.position
        for part in path.split("."):
            entry = node.entries.get(part) if isinstance(node, MappingNode) else None
            if entry is None:
                return found
            found, node = entry.key_position, entry.node
        return found

    def with_seed(self, seed: int) -> Scenario:
        """The same scenario under another seed."""
        position = Position("--seed", 0, 0)
        entries = {**self.document.entries, "seed": Entry(position, ScalarNode(position, str(seed)))}
        return replace(self, seed=seed, document=MappingNode(self.document.position, entries, self.document.flow))

    def as_plain(self) -> dict[str, Any]:
        """The resolved tree as JSON values."""
        plain: dict[str, Any] = plain_of(self.document)
        return plain
