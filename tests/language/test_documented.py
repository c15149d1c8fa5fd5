"""The line of a field, wherever its author wrote it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from simkit.language.documented import field_lines, first_sentence, models_in


class Retry(BaseModel):
    """When a failed attempt is followed by the next. Not more."""

    base: int = 1
    """The first delay,
    before jitter."""
    cap: int = 2


class Worker(Retry):
    cap: int = 3
    """The longest."""
    origin: str = Field(default="", alias="from", description="where from.")
    retry: Retry | None = None


def test_lines_come_from_descriptions_and_from_literals_of_base_classes_too() -> None:
    assert field_lines(Worker) == {"base": "The first delay, before jitter", "cap": "The longest", "from": "where from"}


def test_the_first_sentence() -> None:
    assert first_sentence(Retry) == "When a failed attempt is followed by the next."


def test_models_inside_a_type() -> None:
    assert models_in(Retry | None) == [Retry]
    assert models_in(dict[str, tuple[Retry, ...]]) == [Retry]
    assert models_in(int) == []
