"""Predictions: accepted only in a form that can be scored, sealed, and held against what a run did."""

import json
from pathlib import Path

import pytest

from simkit.observe.document import Document, ExpectationEntry, MetricEntry, ViolationEntry
from simkit.teaching.lesson import Lesson, Question, lesson_of, lessons
from simkit.teaching.prediction import accepted, asked, seal, sealed_before, with_predictions
from simkit.teaching.truth import judged, truth_of

S = 1_000_000_000


@pytest.fixture
def lesson() -> Lesson:
    return lesson_of("slow_is_not_dead")


def broken(subject: str, *violations: ViolationEntry) -> ExpectationEntry:
    return ExpectationEntry(
        text=f"always {subject}", kind="always", subject=subject, verdict="fail", violations=violations
    )


RUN = Document(
    scenario="lessons/one",
    seed=1,
    duration_ns=60 * S,
    verdict="fail",
    expectations=(
        broken("lease_exclusive", ViolationEntry(time_ns=30 * S, host="broker", text="")),
        broken(
            "effect_once",
            ViolationEntry(time_ns=20 * S, host="effects", text=""),
            ViolationEntry(time_ns=40 * S, host="other", text=""),
        ),
        ExpectationEntry(text="always accounting", kind="always", subject="accounting", verdict="pass"),
    ),
    event_counts={"task.redelivered": 3},
    first_events={"task.redelivered": 12 * S},
    metrics=(MetricEntry(name="task.latency", kind="histogram", unit="s", windows={"faults": {"p99": 41.5}}),),
)


@pytest.mark.parametrize(
    ("phrase", "truth"),
    [
        ("first violation check", "effect_once"),
        ("first violation host", "effects"),
        ("first violation time", 20.0),
        ("violations of effect_once", 2.0),
        ("violations of accounting", 0.0),
        ("verdict of accounting", "pass"),
        ("events task.redelivered", 3.0),
        ("first task.redelivered", 12.0),
        ("first task.unheard_of", "none"),
        ("task.latency p99 in faults", 41.5),
        ("task.latency p99 in steady", "none"),
    ],
)
def test_the_truth_is_what_the_run_did(phrase: str, truth: str | float) -> None:
    assert truth_of(phrase, RUN) == truth


def test_a_truth_that_nobody_can_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot read the truth"):
        truth_of("whatever you like", RUN)


def test_a_number_may_be_off_by_what_the_question_allows() -> None:
    question = Question(ask="When?", truth="first violation time", unit="s", within=5)
    assert [judged(question, said, RUN).right for said in ("15", "25.0", "14.9", "20 s", "soon")] == [
        *(True, True),
        *(False, True, False),
    ]
    assert judged(question, "15", RUN).did == "20 s"


def test_a_time_may_have_a_unit_as_in_scenario_files() -> None:
    question = Question(ask="When?", truth="first violation time", unit="s", within=1)
    told = [judged(question, said, RUN) for said in ("20s", "20000ms", "2min", "20 s", "20")]
    assert [each.right for each in told] == [True, True, False, True, True]
    assert [each.said for each in told] == ["20 s", "20 s", "120 s", "20 s", "20 s"]
    assert accepted(question, "1.5min") == ("1.5min", "")
    assert accepted(question, "soon")[1] == "a number is needed, in s, or with a unit, such as 90s"


def test_choices_may_say_what_they_mean() -> None:
    question = Question.model_validate({"ask": "Which?", "choices": {"one": "the first", "none": "no one"}})
    assert (question.choices, question.meaning["one"]) == (("one", "none"), "the first")


def test_a_word_must_be_the_right_one() -> None:
    question = Question(ask="Which?", truth="first violation check", choices=("effect_once", "none"))
    assert judged(question, "Effect_Once", RUN).right
    assert not judged(question, "none", RUN).right


def test_an_answer_that_cannot_be_scored_is_asked_for_again(lesson: Lesson) -> None:
    choice = Question(ask="Which?", choices=("one", "two"))
    assert accepted(choice, " 2 ") == ("two", "")
    assert accepted(choice, "ONE") == ("one", "")
    for wrong in ("", "3", "0", "three", "²"):
        assert accepted(choice, wrong)[1]
    assert accepted(Question(ask="How many?", within=1, unit="tasks"), "some")[1] == "a number is needed, in tasks"
    heard: list[tuple[str, str]] = []

    def ask(name: str, question: Question, wrong: str) -> str:
        heard.append((name, wrong))
        return "1" if wrong or name != "check" else "no idea"

    answers = asked(lesson, ask)
    assert answers["check"] == lesson.questions.questions["check"].choices[0]
    assert [name for name, wrong in heard if wrong] == ["check"]


def test_a_seal_holds_until_somebody_changes_an_answer(lesson: Lesson, tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    assert sealed_before(path, lesson, "ada") is None
    sealed = seal(lesson, "ada", 7, {"check": "none"})
    path.write_text(json.dumps(sealed), encoding="utf-8")
    assert sealed_before(path, lesson, "ada") == sealed
    for changed in (
        {**sealed, "answers": {"check": "effect_once"}},
        {**sealed, "seed": 8},
        {"lesson": lesson.name},
        [],
    ):
        path.write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(ValueError, match="the seal is broken"):
            sealed_before(path, lesson, "ada")
    path.write_text(json.dumps(sealed), encoding="utf-8")
    with pytest.raises(ValueError, match="the seal is broken"):
        sealed_before(path, lesson, "grace")


def test_every_question_of_a_lesson_stands_in_the_document(lesson: Lesson) -> None:
    told = with_predictions(lesson, RUN, {"check": "effect_once"}).predictions
    assert len(told) == len(lesson.questions.questions) + len(lesson.questions.transfer)
    assert told[0].right
    assert not told[1].right


@pytest.mark.parametrize("name", list(lessons()))
def test_every_lesson_is_whole(name: str) -> None:
    lesson = lesson_of(name)
    assert lesson.title
    for question in (*lesson.questions.questions.values(), *lesson.questions.transfer.values()):
        assert bool(question.truth) != bool(question.answer)
        assert not question.answer or question.answer in question.choices
        if question.truth:
            truth_of(question.truth, RUN)
    assert sum(lesson.rules.points.values()) == 100
    assert set(lesson.rules.must) <= set(lesson.rules.points)


def test_a_lesson_that_is_not_there_has_a_near_name() -> None:
    with pytest.raises(ValueError, match="nearest: `slow_is_not_dead`"):
        lesson_of("slow_is_not_ded")
