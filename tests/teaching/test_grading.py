"""Marks: what each solution is worth, the same every time; doing nothing and cheating are worth nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simkit.explore.pool import Pool
from simkit.explore.run import run_scenario
from simkit.language.scenario import load_scenario
from simkit.language.vocabulary import event_names
from simkit.registry import Registry
from simkit.teaching.grading import Planned, Solution, Tried, plan, read_solution, tried
from simkit.teaching.lesson import Lesson, Rules, lesson_of, lessons, read_mapping
from simkit.teaching.marks import FORMATS, Marks, marks_of

LESSONS = Path(__file__).parents[1] / "lessons"
SOLUTIONS = LESSONS / "slow_is_not_dead"

SCORES = {
    ("slow_is_not_dead", "reference.py"): (100, True),
    ("slow_is_not_dead", "tokens.yaml"): (100, True),
    ("slow_is_not_dead", "tokens_alone.py"): (84, False),
    ("slow_is_not_dead", "keys_alone.py"): (79, False),
    ("slow_is_not_dead", "first_wins.py"): (91, False),
    ("slow_is_not_dead", "knob_to_the_end.yaml"): (91, False),
    ("slow_is_not_dead", "knob.yaml"): (84, False),
    ("slow_is_not_dead", "forgets.py"): (84, False),
    ("slow_is_not_dead", "nothing.py"): (21, False),
    ("slow_is_not_dead", "one_for_all.py"): (65, False),
    ("slow_is_not_dead", "refuses_everything.py"): (0, False),
    ("two_leaders_one_term", "reference.py"): (100, True),
    ("two_leaders_one_term", "ignores_the_log.py"): (86, False),
    ("two_leaders_one_term", "compares_length.py"): (86, False),
    ("two_leaders_one_term", "votes_once.py"): (81, False),
    ("two_leaders_one_term", "knob.yaml"): (58, False),
    ("two_leaders_one_term", "forgets.py"): (47, False),
    ("two_leaders_one_term", "forgets_the_term.py"): (47, False),
    ("two_leaders_one_term", "nothing.py"): (33, False),
    ("two_leaders_one_term", "refuses_everybody.py"): (0, False),
}
"""Points with the secret "test", the same on CPython 3.11, 3.12 and 3.13, and whether they pass."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(1) as one:
        yield one


@pytest.fixture
def lesson() -> Lesson:
    return lesson_of("slow_is_not_dead")


def graded(lesson: Lesson, solution: Solution, pool: Pool, cases: tuple[str, ...] = ()) -> Marks:
    """Grade a solution in every case, or in the first run of some."""
    planned = plan(lesson.rules, solution, "ada", "test")
    if cases:
        planned = [each for each in planned if each.case in cases and each.number == 0]
    return marks_of(lesson, "ada", solution.name, list(tried(lesson, solution, planned, pool)))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        # Twelve runs of a second each, or twenty of a third; what each gets wrong is tried with one run below.
        pytest.param(*each, marks=() if each == ("two_leaders_one_term", "reference.py") else pytest.mark.audit)
        for each in SCORES
    ],
)
def test_every_solution_gets_its_marks(name: str, file: str, pool: Pool) -> None:
    lesson = lesson_of(name)
    marks = graded(lesson, read_solution(LESSONS / name / file, lesson.rules), pool)
    points, passed = SCORES[name, file]
    assert marks.passed is passed
    # Another version of a system takes other courses: a run or two of a wrong solution may come out differently.
    assert abs(marks.points - points) <= (0 if points in (0, 100) else 8)


@pytest.mark.parametrize(
    ("name", "file", "case", "lost"),
    [
        ("slow_is_not_dead", "nothing.py", "paused", "effect_once"),
        ("slow_is_not_dead", "tokens_alone.py", "race", "effect_once"),
        ("slow_is_not_dead", "keys_alone.py", "overwritten", "effect_order"),
        ("slow_is_not_dead", "first_wins.py", "overtaken", "effect_complete"),
        ("slow_is_not_dead", "forgets.py", "restarted", "effect_once"),
        ("slow_is_not_dead", "knob.yaml", "longer", "effect_once"),
        ("two_leaders_one_term", "forgets.py", "forgotten", "election_safety"),
        ("two_leaders_one_term", "forgets_the_term.py", "slower", "vote_kept"),
        ("two_leaders_one_term", "ignores_the_log.py", "behind", "leader_completeness"),
        ("two_leaders_one_term", "compares_length.py", "outvoted", "leader_completeness"),
        ("two_leaders_one_term", "votes_once.py", "unheard", "commits_go_on"),
        ("two_leaders_one_term", "refuses_everybody.py", "behind", "commits_go_on"),
    ],
)
def test_what_a_wrong_solution_forgets_is_met_by_a_case(name: str, file: str, case: str, lost: str, pool: Pool) -> None:
    lesson = lesson_of(name)
    marks = graded(lesson, read_solution(LESSONS / lesson.name / file, lesson.rules), pool, (case,))
    assert not marks.passed
    assert lost in marks.missing


def test_settings_that_do_not_fit_each_other_are_a_run_that_does_not_count(pool: Pool) -> None:
    lesson = lesson_of("two_leaders_one_term")
    solution = Solution("mine.yaml", settings=(("config.voter.election_timeout_min", "400ms"),))
    marks = graded(lesson, solution, pool, ("forgotten",))
    assert (marks.points, marks.passed) == (0, False)
    assert "a voter needs 2ns <= election_timeout_min <= election_timeout_max" in marks.reasons[1]


def test_the_reference_gets_everything_where_half_of_it_would_not_do(lesson: Lesson, pool: Pool) -> None:
    reference = read_solution(SOLUTIONS / "reference.py", lesson.rules)
    marks = graded(lesson, reference, pool, ("race", "overwritten", "restarted"))
    assert (marks.points, marks.passed) == (100, True)


@pytest.mark.parametrize(
    ("file", "case", "told"),
    [
        ("refuses_everything.py", "longer", "too little work: 0 effect.applied"),
        ("knob_to_the_end.yaml", "killed", "too little work: "),
    ],
)
def test_who_does_no_work_gets_nothing(file: str, case: str, told: str, lesson: Lesson, pool: Pool) -> None:
    marks = graded(lesson, read_solution(SOLUTIONS / file, lesson.rules), pool, (case,))
    assert (marks.points, marks.passed) == (0, False)
    assert told in marks.reasons[1]


CHEATS = {
    "prints marks": "print('{\"score\": 100}', flush=True)\n        return ''",
    "exits": "raise SystemExit(0)",
    "patches the checks": (
        "from simkit_nodes.task_queue.checks import EffectOnce\n"
        "        EffectOnce.sights = lambda *_: ()\n        return ''"
    ),
    "raises": "raise ValueError('no')",
    "loops": "while True: pass",
}


@pytest.mark.parametrize("manner", list(CHEATS))
def test_a_solution_that_cheats_gets_no_point_for_what_must_hold(manner: str, lesson: Lesson, pool: Pool) -> None:
    source = (
        "class Fence:\n    def remember(self, *_):\n        pass\n"
        f"    def refusal(self, key, task, token):\n        {CHEATS[manner]}\n"
    )
    marks = graded(lesson, Solution("cheat.py", source=source), pool, ("paused",))
    assert not marks.passed
    assert next(mark.points for mark in marks.marks if mark.name == "effect_once") == 0


# -- without a run


def test_a_check_gets_its_points_from_the_cases_that_it_is_judged_by() -> None:
    lesson = lesson_of("two_leaders_one_term")
    held = dict.fromkeys(lesson.rules.points, True)
    results = [
        Tried(Planned(case, 0, None, (), 1), held | {"election_safety": case != broken}, True, "", {})
        for case, broken in (("forgotten", ""), ("slower", "slower"), ("behind", "behind"))
    ]
    marks = marks_of(lesson, "", "a.py", results)
    told = next(mark for mark in marks.marks if mark.name == "election_safety")
    assert (told.points, told.held, told.runs) == (17, 1, 2)
    assert marks.missing == {"election_safety": 2}


def test_rules_name_what_there_is() -> None:
    data = read_mapping(lesson_of("two_leaders_one_term").folder / "grading.yaml")
    for wrong, told in (
        ({"judged": {"work": ["nowhere"]}}, "there is no case nowhere"),
        ({"judged": {"wrok": ["behind"]}}, "wrok has no points"),
        ({"must": ["safety"]}, "safety has no points"),
    ):
        with pytest.raises(ValueError, match=told):
            Rules.model_validate({**data, **wrong})


def outcome(case: str, number: int = 0, **broken: str) -> Tried:
    lesson = lesson_of("slow_is_not_dead")
    held = {name: name not in broken for name in lesson.rules.points}
    return Tried(Planned(case, number, None, (), 1), held, True, "", broken)


def void(case: str, reason: str) -> Tried:
    return Tried(Planned(case, 0, None, (), 1), {}, False, reason, {})


def test_points_are_the_share_of_runs_and_what_is_not_safe_gives_nothing_for_being_alive(lesson: Lesson) -> None:
    results = [
        outcome("paused"),
        outcome("longer", queue_drained="not within 1 min"),
        outcome("race", effect_once="task 1 took effect twice"),
        void("restarted", "solution.py:3: ValueError"),
    ]
    marks = marks_of(lesson, "", "a.py", results)
    told = {mark.name: (mark.points, mark.held) for mark in marks.marks}
    assert told["effect_once"] == (20, 2)
    assert told["effect_complete"] == (11, 3)
    assert told["work"] == (5, 3)  # of the three that counted, two were safe
    assert told["queue_drained"] == (1, 2)
    assert marks.missing == {"effect_once": 2, "effect_order": 1, "effect_complete": 1}
    assert marks.reasons == ("1 of 4 runs do not count", "case restarted: solution.py:3: ValueError")
    assert marks_of(lesson, "", "a.py", results[::-1]) == marks


@pytest.mark.parametrize("form", list(FORMATS))
def test_every_form_says_the_same(form: str, lesson: Lesson) -> None:
    marks = marks_of(lesson, "ada <b>", "a.py", [outcome("paused"), outcome("longer", effect_once="twice & more")])
    told = FORMATS[form](marks)
    match form:
        case "text":
            assert "  20 of 40  effect_once" in told
            idle = "held in all 2 runs, nothing for 1 of those, in which something else broke that must hold"
            assert f" {idle}\n" in told
            points = f"NOT PASSED: {marks.points} of 100 points (80 needed)"
            assert told.endswith(f"{points}; and what must hold in every run did not: effect_once (1 of 2 runs)\n")
        case "json":
            data = json.loads(told)
            assert (data["points"], data["points_max"], data["passed"]) == (marks.points, 100, False)
        case "junit":
            suite = ElementTree.fromstring(told.encode())
            assert (suite.get("tests"), suite.get("failures")) == ("8", "1")
        case "gradescope":
            data = json.loads(told)
            assert data["score"] == marks.points == sum(test["score"] for test in data["tests"])
            assert {test["status"] for test in data["tests"]} == {"passed", "failed"}


def test_seeds_follow_from_the_student_and_the_secret_and_from_nothing_else(lesson: Lesson) -> None:
    solution, other = Solution("a.py", source="1"), Solution("b.py", source="2")
    assert plan(lesson.rules, solution, "ada", "s") == plan(lesson.rules, other, "ada", "s")
    seeds = [
        {each.seed for each in plan(lesson.rules, solution, student, secret)}
        for student, secret in (("ada", "s"), ("grace", "s"), ("ada", "t"))
    ]
    assert len(set.union(*seeds)) == 3 * len(lesson.rules.cases) * lesson.rules.seeds
    drawn = {each.overrides for name in range(40) for each in plan(lesson.rules, solution, f"{name}", "s")}
    assert {"faults.gc.for=130s", "faults.gc.for=145s"} <= {each for overrides in drawn for each in overrides}


def test_settings_may_set_what_the_rules_allow_and_nothing_else(lesson: Lesson, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("set: {config.worker.lease: 90s, config.worker.lease_token: true}\n", encoding="utf-8")
    solution = read_solution(path, lesson.rules)
    overrides = plan(lesson.rules, solution, "", "")[0].overrides
    assert {"config.worker.lease=90s", "config.worker.lease_token=true"} <= set(overrides)
    for text, told in (
        ("set: {faults.gc.for: 1s}", "is not yours to set"),
        ("set: {config.worker.leese: 90s}", "nearest: `config.worker.lease`"),
        ("expect: []", "and nothing else"),
        ("- 1", "a map is needed"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=told):
            read_solution(path, lesson.rules)


def test_what_is_no_solution_is_told_in_words(lesson: Lesson, tmp_path: Path) -> None:
    for name, data, told in (
        ("a.txt", b"", "neither a Python file nor a YAML file"),
        ("a.py", b"\xff\xfe", "no UTF-8 text"),
        ("long.py", b"#" * 300_000, "longer than 262,144 bytes"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=told):
            read_solution(tmp_path / name, lesson.rules)
    with pytest.raises(ValueError, match="No such file"):
        read_solution(tmp_path / "missing.py", lesson.rules)


@pytest.mark.parametrize("name", list(lessons()))
def test_every_case_and_every_check_of_a_lesson_exists(name: str) -> None:
    registry, lesson = Registry(), lesson_of(name)
    for each in plan(lesson.rules, Solution("a.yaml"), "", ""):
        scenario = load_scenario(
            lesson.scenario, variant=each.variant, overrides=each.overrides, seed=each.seed, registry=registry
        )
        expected = {getattr(one.expectation, "check", "") for one in scenario.expectations}
        assert set(lesson.rules.points) - {"work"} <= expected
        card = registry.card(scenario.system)
        assert lesson.rules.part in card.exercises
        assert {lesson.rules.floor.event, lesson.rules.floor.of} <= set(event_names(card))


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("slow_is_not_dead", None),
        *(
            ("two_leaders_one_term", each)
            for each in (None, "forgets", "histories", "knob", "behind", "outvoted", "unheard")
        ),
    ],
)
def test_the_scenario_of_a_lesson_comes_out_as_declared(name: str, variant: str | None) -> None:
    assert run_scenario(f"lessons/{name}", variant=variant).as_declared


def test_every_seed_of_a_lesson_shows_its_failure() -> None:
    lesson = lesson_of("two_leaders_one_term")
    assert lesson.questions.seeds
    for seed in lesson.questions.seeds:
        document = run_scenario(lesson.scenario, variant=lesson.questions.run, seed=seed)
        assert document.verdict == "fail", seed
