"""The fence: every escape of the corpus is virtual, refused with its line, or known to be open and told of."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from simkit.kernel.fence import whereabouts
from simkit.kernel.worker import Worker

HERE = Path(__file__).parent
LIMITS = HERE.parents[1] / "docs" / "limits.md"
COMPILED = whereabouts.compiled is not None


def _corpus() -> dict[str, Any]:
    """Load the corpus as a worker does: its modules stand beside this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        return importlib.import_module("corpus").load()  # type: ignore[no-any-return]


CORPUS = _corpus()
COVERED = [name for name, entry in CORPUS.items() if COMPILED or not entry.compiled]
IN_PYTHON = [name for name, entry in CORPUS.items() if not entry.compiled]
Answers = dict[str, dict[str, Any]]


def by_outcome(outcome: str, names: list[str]) -> list[str]:
    return [name for name in names if CORPUS[name].outcome == outcome]


def answers_of(**options: Any) -> Answers:
    with Worker((str(HERE),)) as worker:
        answer: dict[str, Any] = worker.call("corpus:attempt_all", **options)
        return answer["answers"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def forwards() -> Answers:
    return answers_of(compiled=COMPILED)


@pytest.fixture(scope="module")
def backwards(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What another interpreter answers that tries the escapes in another order, in a folder where no code is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        return answers_of(compiled=COMPILED, backwards=True)


@pytest.fixture(scope="module")
def on_another_host() -> Answers:
    return answers_of(compiled=COMPILED, host="b")


@pytest.fixture(scope="module")
def in_python() -> Answers:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(whereabouts.PURE_PYTHON, "1")
        return answers_of(compiled=False)


def hold_virtual(name: str, answer: dict[str, Any]) -> None:
    assert answer["error"] is None
    if CORPUS[name].told is not None:
        assert answer["value"] == repr(CORPUS[name].told)


def hold_refused(name: str, answer: dict[str, Any]) -> None:
    error = answer["error"]
    assert error is not None, f"it went through and returned {answer['value']}"
    assert error.startswith("RealWorldReached: ")
    assert CORPUS[name].told in error.partition(" at ")[0]
    assert f" on host 'a' at {inspect.getsourcefile(CORPUS[name].code)}:{CORPUS[name].line()}" in error


def test_the_corpus_is_large_and_holds_every_outcome() -> None:
    assert len(CORPUS) >= 40
    assert {entry.outcome for entry in CORPUS.values()} == {"virtual", "refused", "known open"}


@pytest.mark.parametrize("name", by_outcome("virtual", COVERED))
def test_what_is_virtual_is_the_same_in_every_interpreter(name: str, forwards: Answers, backwards: Answers) -> None:
    hold_virtual(name, forwards[name])
    assert forwards[name] == backwards[name]


@pytest.mark.parametrize("name", [name for name in by_outcome("virtual", COVERED) if CORPUS[name].told is None])
def test_what_is_drawn_differs_from_host_to_host(name: str, forwards: Answers, on_another_host: Answers) -> None:
    shared_by_all_hosts = {"numpys_global_generator", "the_hash_of_a_text"}
    assert (forwards[name] == on_another_host[name]) == (name in shared_by_all_hosts)


@pytest.mark.parametrize("name", by_outcome("refused", COVERED))
def test_what_is_refused_names_the_line(name: str, forwards: Answers) -> None:
    hold_refused(name, forwards[name])


@pytest.mark.parametrize("name", by_outcome("known open", COVERED))
def test_what_is_open_stands_in_the_limits(name: str, forwards: Answers) -> None:
    assert forwards[name]["error"] is None, "it is no longer open: say so in docs/limits.md"
    assert CORPUS[name].told in " ".join(LIMITS.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", IN_PYTHON)
def test_without_the_compiled_module_the_rest_is_covered_as_well(name: str, in_python: Answers) -> None:
    if CORPUS[name].outcome == "virtual":
        hold_virtual(name, in_python[name])
    elif CORPUS[name].outcome == "refused":
        hold_refused(name, in_python[name])


def test_nothing_was_written_and_nothing_was_started(forwards: Answers) -> None:
    assert not [name for name in ("written", "copied", "made", "orders.db", "node.log") if Path(name).exists()]


def stray(function: str) -> Any:
    with Worker((str(HERE),)) as worker:
        return worker.call(f"strays:{function}")


def test_running_dry_while_a_real_thread_lives_is_an_error_that_names_it() -> None:
    told = stray("dry_while_a_thread_lives")
    assert told.startswith("nothing is left to do in virtual time while a real thread lives: 'sweeper', started at ")
    assert told.endswith("module_with_a_thread.py:7")


def test_a_thread_that_has_ended_is_no_matter() -> None:
    assert stray("dry_after_the_thread_has_ended") == "False"


def test_a_world_that_has_something_left_to_do_goes_on() -> None:
    assert stray("not_dry_while_a_thread_lives") == "unfinished"


def test_a_thread_from_before_the_world_sees_the_real_world() -> None:
    assert stray("a_thread_from_before") == "True 1767225600.0"


def test_outside_of_a_world_everything_is_real_also_after_a_refusal() -> None:
    assert stray("before_between_and_after") == [True] * 5


def test_the_next_process_of_a_host_has_another_number_and_a_fresh_generator() -> None:
    (first, seeded), (second, unseeded) = stray("restarted")
    assert (first, second) == (2001, 2002)
    assert seeded == 0.13436424411240122
    assert unseeded != seeded


def test_nothing_that_a_library_remembers_reaches_the_next_world() -> None:
    first, *others = stray("twice_in_one_interpreter")
    assert others == [first, first]
