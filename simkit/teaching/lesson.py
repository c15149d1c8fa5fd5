"""A lesson as it lies in the library: `lessons/NAME/` with a page, a scenario, questions and rules for marks.

    page.md         what a student reads; scenario.yaml   what is run, and its variants
    questions.yaml  what is predicted;    grading.yaml    what a solution is put through
    starter.py      a part of a node to begin with; only where the lesson has one

Files are read as scenario files are: data within limits, mistakes with the name of the file.

It deliberately knows no system: parts, events and checks are the card's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from simkit.language.library import Library
from simkit.language.problem import nearest_quoted
from simkit.language.text import plain_of, read_bytes
from simkit.language.units import Fraction

LESSONS = "lessons/"


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Word = Annotated[str, BeforeValidator(lambda value: "true" if value is True else "false" if value is False else value)]


class Question(_Words):
    """One prediction.

    Attributes:
        ask: the question. choices: what can be answered; free text or a number without them.
        meaning: of choices, told beside them; in a file `choices` may be a map of each with its meaning.
        truth: where the run says the answer (`truth.truth_of`), or `answer`: what is right whatever the run does.
        unit: of a number. within: how far off a number may be, in that unit.
        because: told afterwards.
    """

    ask: str
    choices: tuple[Word, ...] = ()
    meaning: dict[str, str] = {}
    truth: str = ""
    answer: Word = ""
    unit: str = ""
    within: float | None = None
    because: str = ""

    @model_validator(mode="before")
    @classmethod
    def _with_meanings(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("choices"), dict):
            return given
        return {**given, "choices": tuple(given["choices"]), "meaning": given["choices"]}

    def in_words(self) -> str:
        """Return what is asked, and what can be answered, on one line."""
        choices = f" ({' | '.join(str(choice) for choice in self.choices)})" if self.choices else ""
        return self.ask + (f" ({self.unit})" if self.unit else "") + choices


class Questions(_Words):
    """What is predicted, and which variant is run then; a student's seed is one of `seeds`, if there are any."""

    run: str | None = None
    seeds: tuple[int, ...] = ()
    questions: dict[str, Question]
    transfer: dict[str, Question] = {}

    @property
    def every(self) -> dict[str, Question]:
        """All that is asked, by name: of the run, and then of other systems."""
        return {**self.questions, **self.transfer}


class Case(_Words):
    """One thing that a solution is put through; of each list under `draw` one value is drawn for each run."""

    variant: str | None = None
    set: dict[str, Any] = {}
    draw: dict[str, list[Any]] = {}


class Floor(_Words):
    """The least work of a run that counts: so many of one event for each of another."""

    event: str
    of: str
    least: Fraction


class Settings(_Words):
    """What a solution may set where it is a YAML file, and the settings of the scenario that it is to mend."""

    mends: dict[str, Any] = {}
    allowed: tuple[str, ...]


class Rules(_Words):
    """How a solution is judged.

    Attributes:
        part: which exercise of the card a Python solution writes, "" for none.
        given: what is set wherever a Python solution runs, whatever a variant says: what it needs to be able to help.
        settings: what a YAML solution may set, or None.
        seeds: runs of each case. cases: by name.
        floor: runs below it give nothing.
        points: for each check, by its name; they add up to 100.
        judged: the cases that a check gets its points from, where not every case puts it at risk.
        needed: points to pass. must: checks without which nobody passes.
    """

    part: str = ""
    given: dict[str, Any] = {}
    settings: Settings | None = None
    seeds: int = Field(1, ge=1, le=50)
    cases: dict[str, Case] = Field(min_length=1, max_length=40)
    floor: Floor
    points: dict[str, int] = Field(min_length=1)
    judged: dict[str, tuple[str, ...]] = {}
    needed: int = Field(ge=1, le=100)
    must: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in (*self.must, *self.judged):
            if name not in self.points:
                raise ValueError(f"{name} has no points")
        for case in (case for cases in self.judged.values() for case in cases):
            if case not in self.cases:
                raise ValueError(f"judged: there is no case {case}")
        return self


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Lesson:
    """One lesson: its name without ``lessons/``, and its folder."""

    name: str
    folder: Path

    @property
    def scenario(self) -> str:
        """The scenario's name in the library."""
        return f"{LESSONS}{self.name}"

    @cached_property
    def page(self) -> str:
        """What the student reads, as Markdown."""
        return (self.folder / "page.md").read_text(encoding="utf-8")

    @property
    def title(self) -> str:
        """The first line of the page."""
        return self.page.partition("\n")[0].lstrip("# ").strip()

    @cached_property
    def questions(self) -> Questions:
        """What is predicted. ValueError names what is wrong with the file."""
        return _read(self.folder / "questions.yaml", Questions)

    @cached_property
    def rules(self) -> Rules:
        """How solutions are judged. ValueError as above."""
        return _read(self.folder / "grading.yaml", Rules)


def lessons(library: Library | None = None) -> Mapping[str, Lesson]:
    """Return every lesson of the library by name."""
    library = library or Library()
    names = [name.removeprefix(LESSONS) for name in library.names() if name.startswith(LESSONS)]
    folders = {name: library.root / LESSONS / name for name in names}
    return {name: Lesson(name, folder) for name, folder in folders.items() if (folder / "page.md").is_file()}


def lesson_of(name: str, library: Library | None = None) -> Lesson:
    """Return one lesson; ValueError with the nearest name if there is none."""
    known = lessons(library)
    if name.removeprefix(LESSONS) in known:
        return known[name.removeprefix(LESSONS)]
    near = nearest_quoted(name, known)
    raise ValueError(f"no lesson {name!r}" + (f"; nearest: {near}" if near else f"; there are {', '.join(known)}"))


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a YAML file that holds a map. ValueError for anything else, ScenarioError for what is no YAML."""
    tree = plain_of(read_bytes(path.read_bytes(), path.name))
    if not isinstance(tree, dict):
        raise ValueError(f"{path.name}: a map is needed here")
    return tree


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(read_mapping(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
