"""A solution that misbehaves: it is bounded, gets no further than its own answers, and is told of in one sentence."""

import os
from collections.abc import Iterator

import pytest

from simkit.card import Exercise
from simkit.teaching.part import Part, PartFailed, stand_in

EXERCISE = Exercise("effects", "fence_class", {"remember": None, "refusal": str}, "")


def fence(body: str, before: str = "") -> str:
    """Return a solution whose `refusal` does that."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    head = "class Fence:\n    def remember(self, *_):\n        pass\n    def refusal(self, key, task, token):"
    return f"{before}\n{head}\n{lines}\n"


def answer(source: str, *arguments: object) -> str:
    part = Part(source, "Fence", 7)
    try:
        node_part = stand_in(part, "Fence", EXERCISE)()
        node_part.remember("k", "t", 1)
        found: str = node_part.refusal(*(arguments or ("k", "t", 1)))
        return found
    finally:
        part.close()


def test_a_class_keeps_what_it_knows_from_call_to_call_and_each_instance_its_own() -> None:
    source = """
class Fence:
    def __init__(self):
        self.n = 0
    def refusal(self, *_):
        self.n += 1
        return str(self.n)
"""
    part = Part(source, "Fence", 7)
    try:
        kind = stand_in(part, "Fence", EXERCISE)
        first, second = kind(), kind()
        assert [first.refusal("k", "t", 1), first.refusal("k", "t", 1), second.refusal("k", "t", 1)] == ["1", "2", "1"]
    finally:
        part.close()


MISBEHAVED = {
    "raises": (fence("raise KeyError(key)"), "solution.py:6: KeyError: 'k'"),
    "returns something else": (fence("return 1"), "Fence.refusal must return str, not 1"),
    "returns what is no data": (fence("return object()"), "not JSON serializable"),
    "does not compile": ("class Fence:\n  def", "solution.py:2: SyntaxError"),
    "has no such class": ("class Gate: pass", "solution.py has no class 'Fence'"),
    "exits": (fence("raise SystemExit(0)"), "ended by itself, with code 0"),
    "exits at once": (fence("return ''", "import os\nos._exit(0)"), "RealWorldReached: os._exit"),
    "loops for ever": (fence("while True: pass"), "more than 1,000,000 operations"),
    "loops and catches everything": (
        fence("while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass"),
        "more than 1,000,000 operations",
    ),
    "loops while it is loaded": (fence("return ''", "while True: pass"), "more than 1,000,000 operations"),
    "recurses for ever": (fence("return self.refusal(key, task, token)"), "RecursionError"),
    "opens a file": (fence("return open('/etc/passwd').read()"), "solution.py:6: RealWorldReached"),
    "starts a process": (fence("import subprocess\nsubprocess.run(['true'])"), "RealWorldReached"),
    "opens a socket": (
        fence("import socket\nsocket.create_connection(('localhost', 80))"),
        "RealWorldReached",
    ),
    "starts a thread": (fence("import threading\nthreading.Thread(target=print).start()"), "RealWorldReached"),
    "answers too much": (fence("return 'x' * 1_000_000"), "longer than 65,536 bytes"),
}


@pytest.mark.parametrize("manner", list(MISBEHAVED))
def test_what_misbehaves_is_told_in_one_sentence(manner: str) -> None:
    source, told = MISBEHAVED[manner]
    with pytest.raises(PartFailed) as failed:
        answer(source)
    assert told in str(failed.value)
    assert "\n" not in str(failed.value).strip()


def test_an_error_names_the_file_that_its_author_knows() -> None:
    part = Part(fence("raise KeyError(key)"), "Fence", 7, "my_fence.py")
    try:
        with pytest.raises(PartFailed, match=r"^my_fence\.py:6: KeyError: 'k'$"):
            part.call(part.make(), "refusal", ("k", "t", 1))
    finally:
        part.close()


def test_what_it_prints_is_no_answer() -> None:
    source = fence("print('{\"returned\": \"stale\"}', flush=True)\nreturn 'duplicate'")
    assert answer(source) == "duplicate"


def test_it_finds_nothing_of_the_grader_in_its_interpreter_or_its_environment() -> None:
    os.environ["SIMKIT_LESSON_SECRET"] = "hidden"
    try:
        looked = (
            "import os, sys\nreturn str(os.environ.get('SIMKIT_LESSON_SECRET')) + str('simkit_nodes' in sys.modules)"
        )
        assert answer(fence(looked), "SIMKIT_LESSON_SECRET", "t", 1) == "NoneFalse"
    finally:
        del os.environ["SIMKIT_LESSON_SECRET"]


def test_clocks_and_chance_are_the_same_every_time() -> None:
    source = fence("import random, time, uuid\nreturn f'{random.random()} {time.time()} {uuid.uuid4()} {hash(key)}'")
    assert answer(source) == answer(source)


@pytest.fixture
def failed_part() -> Iterator[Part]:
    part = Part(fence("raise ValueError('first')"), "Fence", 7)
    yield part
    part.close()


def test_after_its_first_failure_it_is_asked_no_more(failed_part: Part) -> None:
    number = failed_part.make()
    for _ in range(2):
        with pytest.raises(PartFailed, match="first"):
            failed_part.call(number, "refusal", ("k", "t", 1))
    assert "first" in failed_part.failure
