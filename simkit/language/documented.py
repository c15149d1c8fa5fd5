"""What models say about themselves: the line of each field, the first sentence of a class.

A field is documented by `Field(description=...)` or by a string literal under it, which the running class does not
keep and which is therefore read from the source. Deliberately best effort: without source there is no line.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel


def first_sentence(documented: type | ModuleType) -> str:
    """The first sentence of the docstring of a class or a module, on one line."""
    text = " ".join((documented.__doc__ or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".") + "." if text else ""


def field_lines(model: type[BaseModel]) -> dict[str, str]:
    """One line for each field that has one, by the key that files use."""
    literals: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            literals.update(_literals_of(owner))
    lines: dict[str, str] = {}
    for name, field in model.model_fields.items():
        line = field.description or literals.get(name)
        if line:
            lines[field.alias or name] = " ".join(line.split()).rstrip(".")
    return lines


def _literals_of(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The string literals under the fields of a class's own source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, TypeError, SyntaxError):
        return
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    for field, literal in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(literal, ast.Expr) and isinstance(literal.value, ast.Constant):
            yield field.target.id, str(literal.value.value)


def words_in(annotation: Any) -> list[str]:
    """The words that a field's type enumerates, wherever in it."""
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for inner in get_args(annotation) for word in words_in(inner)]


def line_of(line: str, annotation: Any) -> str:
    """A field's line with the words that it takes, unless the line speaks of each already."""
    words = words_in(annotation)
    if not words or all(re.search(rf"\b{re.escape(word)}\b", line) for word in words):
        return line
    return f"{line} ({', '.join(words)})".strip()


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field's type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in models_in(inner)]
