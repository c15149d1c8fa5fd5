"""Predictions: asked before the run, sealed, and told beside what the run did.

A seal is a hash over lesson, student, seed and answers: who changes an answer afterwards breaks it. That keeps people
honest with themselves; it keeps nobody out who can run a hash function.

It deliberately asks through a function of the caller's, so that terminals and files of answers are the same to it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from simkit.language.duration import TIME_UNITS
from simkit.observe.document import Document
from simkit.teaching.lesson import Lesson, Question
from simkit.teaching.truth import as_number, judged

FILE = "predictions.json"
ANSWER_LENGTH = 200

Ask = Callable[[str, Question, str], str]
"""Asks a question by name and returns the answer; the third argument says what was wrong with the one before."""


def asked(lesson: Lesson, ask: Ask) -> dict[str, str]:
    """Ask every question until it is answered in a form that can be scored."""
    answers = {}
    for name, question in lesson.questions.every.items():
        wrong = ""
        while True:
            answer = ask(name, question, wrong)
            answer, wrong = accepted(question, answer)
            if not wrong:
                break
        answers[name] = answer
    return answers


def accepted(question: Question, answer: str) -> tuple[str, str]:
    """Return the answer in its proper form, and what is wrong with it, "" if nothing is."""
    answer = " ".join(answer.split())[:ANSWER_LENGTH]
    if not answer:
        return "", "an answer is needed; a guess is one"
    if question.choices:
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(question.choices):
            return question.choices[int(answer) - 1], ""
        known = {choice.casefold(): choice for choice in question.choices}
        if answer.casefold() in known:
            return known[answer.casefold()], ""
        return "", f"one of {', '.join(question.choices)}, or its number"
    if question.within is not None and as_number(answer, question.unit) is None:
        example = f", or with a unit, such as 90{question.unit}" if question.unit in TIME_UNITS else ""
        return "", f"a number is needed{f', in {question.unit}' if question.unit else ''}{example}"
    return answer, ""


def seal(lesson: Lesson, student: str, seed: int, answers: Mapping[str, str]) -> dict[str, Any]:
    """Return the sealed predictions as they are written into a file."""
    told = {"lesson": lesson.name, "student": student, "seed": seed, "answers": dict(answers)}
    return {**told, "seal": _hash(told)}


def sealed_before(path: Path, lesson: Lesson, student: str) -> dict[str, Any] | None:
    """Return predictions that were sealed earlier, None if there are none. ValueError if the seal is broken."""
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        unsealed = {name: told[name] for name in ("lesson", "student", "seed", "answers")}
        whole = told["seal"] == _hash(unsealed) and (told["lesson"], told["student"]) == (lesson.name, student)
    except (ValueError, KeyError, TypeError):
        whole, told = False, {}
    if not whole:
        raise ValueError(f"{path}: the seal is broken; --again asks anew")
    return dict(told)


def with_predictions(lesson: Lesson, document: Document, answers: Mapping[str, str]) -> Document:
    """Return the run document with every prediction beside what the run did."""
    questions = lesson.questions.every
    told = tuple(judged(question, answers.get(name, ""), document) for name, question in questions.items())
    return replace(document, predictions=told)


def _hash(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
