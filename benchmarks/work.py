"""What a work is: a task that every contender does on the same input, and how to tell that it was done.

A work says what its input is, what the right outcome is, and who takes part; a contender is a function that sets
everything up and returns what is to be timed.

Nothing here measures: that is `single.py` for one run and `rounds.py` for many.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SIZES = ("small", "medium", "full")
"""For the tests, for `make bench`, and the sizes of the goals."""


class WrongOutcome(Exception):
    """A contender did something else than the work."""


class Missing(Exception):
    """A contender cannot take part here; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        items: how many of the work's items were done.
        end_s: virtual time at the last of them; None where a work has no virtual time.
        order: the numbers of who did each item, in the order in which it happened.
        figures: further values that the work checks.
        seconds: processor time, from a contender that is a program of its own and times itself.
    """

    items: int
    end_s: float | None = None
    order: Sequence[int] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None


Timed = Callable[[], Outcome]


@dataclass(frozen=True)
class Contender:
    """Somebody who does a work.

    Attributes:
        name: in tables and rows.
        where: ``module:function``; the function takes the input, sets up, and returns what is timed.
        note: what it is, for the tables.
        share: the part of the items it gets, where it would take all the others' time; rates are compared.
        step_s: by how much each of its steps may be off in virtual time.
        python: the oldest Python it runs on.
        needs: a package it needs beside what `where` imports.
        core: the core of simkit's kernel that it runs on, for ours.
    """

    name: str
    where: str
    note: str
    share: float = 1.0
    step_s: float = 2e-9
    python: tuple[int, int] = (3, 11)
    needs: str | None = None
    core: str | None = None

    def load(self) -> Callable[[Any], Timed]:
        """Return the function; Missing if it cannot take part."""
        if sys.version_info < self.python:
            raise Missing(f"needs Python {self.python[0]}.{self.python[1]}")
        try:
            if self.needs is not None:
                importlib.import_module(self.needs)
            module, _, function = self.where.partition(":")
            return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]
        except ModuleNotFoundError as error:
            raise Missing(f"{error.name} is not installed") from None
        except ImportError as error:
            raise Missing(str(error)) from None


def ours(where: str, note: str, *, suffix: str = "", share: float = 1.0) -> tuple[Contender, Contender]:
    """Return the contenders that are simkit with either core."""
    return (
        Contender(f"simkit-c{suffix}", where, note, share=share, core="c"),
        Contender(f"simkit-python{suffix}", where, note, share=share, core="python"),
    )


def of_compiled(work: str) -> tuple[Contender, Contender]:
    """Return the contenders in C++."""
    return (
        Contender("ns-3", f"benchmarks.compiled:{work}_ns3", "yardstick: C++ callbacks, a std::map"),
        Contender("c++-queue", f"benchmarks.compiled:{work}_queue", "yardstick: a bare std::priority_queue"),
    )


def for_python_3_12(module: str, note: str) -> tuple[Contender, Contender]:
    """Return the contenders simloop and simloom, which want that Python; `module` has a function for each."""
    return (
        Contender("simloop", f"{module}:on_simloop", note, python=(3, 12), needs="simloop"),
        Contender("simloom", f"{module}:on_simloom", note, share=0.2, python=(3, 12), needs="simloom"),
    )


@dataclass(frozen=True)
class Case:
    """One set of parameters of a work.

    Attributes:
        name: for the tables.
        parameters: by size, what `Work.inputs` is called with.
        only: the contenders that take part; all of them if empty.
    """

    name: str
    parameters: Mapping[str, Mapping[str, int]]
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """A task for all contenders.

    Attributes:
        name: as on the command line.
        title: a line for the tables.
        unit: what is counted.
        baseline: the contender whose ratio is 1.
        cases: the first one is the one that goals speak of.
        contenders: who takes part.
        inputs: makes the input: ``inputs(share, **parameters)``.
        check: raises WrongOutcome unless the input leads to that outcome.
        measure: "rate" counts items per second of real time, "bytes" memory for each item.
        pinned: whether every run stays on one core.
    """

    name: str
    title: str
    unit: str
    baseline: str
    cases: tuple[Case, ...]
    contenders: tuple[Contender, ...]
    inputs: Callable[..., Any]
    check: Callable[[Any, Outcome, Contender], None]
    measure: Literal["rate", "bytes"] = "rate"
    pinned: bool = True

    def contender(self, name: str) -> Contender:
        """Return the contender of that name; KeyError if there is none."""
        return next((c for c in self.contenders if c.name == name), None) or _unknown(name)

    def case(self, name: str) -> Case:
        """Return the case of that name; KeyError if there is none."""
        return next((c for c in self.cases if c.name == name), None) or _unknown(name)


def _unknown(name: str) -> Any:
    raise KeyError(name)


def require_items(outcome: Outcome, items: int) -> None:
    """Raise WrongOutcome unless all items were done."""
    if outcome.items != items:
        raise WrongOutcome(f"{outcome.items} items done, not {items}")


def require_end(outcome: Outcome, end_s: float, tolerance_s: float) -> None:
    """Raise WrongOutcome unless the virtual time at the end is right."""
    if outcome.end_s is None or abs(outcome.end_s - end_s) > tolerance_s:
        raise WrongOutcome(f"ended at {outcome.end_s} s of virtual time, not at {end_s} s (within {tolerance_s} s)")
