"""Children of one instant: each answers once, whatever becomes of the others."""

import os
import threading
import time
from pathlib import Path

import pytest

from simkit.kernel.fork import ForkFailed, Forks, can_fork


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids of what is forked; the test's own process may have other children."""
    born: list[int] = []
    fork = os.fork

    def noted_fork() -> int:
        child = fork()
        born.append(child)
        return child

    monkeypatch.setattr(os, "fork", noted_fork)
    return born


def are_gone(children: list[int]) -> bool:
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)
    return True


def test_every_child_answers_for_its_number_and_none_is_left(children: list[int]) -> None:
    state = {"base": 100}

    def answer(number: int) -> bytes:
        state["base"] += number
        return b"%d" % state["base"] * 100_000  # more than a pipe holds

    answers = dict(Forks(2).grow([1, 2, 3, 4, 5], answer))
    assert answers == {number: b"%d" % (100 + number) * 100_000 for number in (1, 2, 3, 4, 5)}
    assert state == {"base": 100}
    assert len(children) == 5
    assert are_gone(children)


def test_no_more_live_side_by_side_than_were_asked_for(tmp_path: Path) -> None:
    def answer(number: int) -> bytes:
        (tmp_path / str(number)).touch()
        seen = len(list(tmp_path.iterdir()))
        time.sleep(0.02)
        (tmp_path / str(number)).unlink()
        return b"%d" % seen

    assert max(int(seen) for _, seen in Forks(2).grow(range(8), answer)) == 2


def test_what_a_child_raises_is_told_with_its_traceback() -> None:
    def answer(number: int) -> bytes:
        raise LookupError(f"no manners in {number}")

    with pytest.raises(ForkFailed, match=r"(?s)branch 3.*in answer.*LookupError: no manners in 3"):
        list(Forks(1).grow([3], answer))


def test_a_child_that_dies_is_told_with_its_exit_code() -> None:
    with pytest.raises(ForkFailed, match="branch 1 ended without an answer: exit code 7"):
        list(Forks(1).grow([1], lambda number: os._exit(7)))


def test_a_child_runs_none_of_what_its_callers_do_at_their_end(tmp_path: Path) -> None:
    try:
        list(Forks(1).grow([1], lambda number: b""))
    finally:
        with (tmp_path / "ends").open("a") as file:
            file.write("once\n")
    assert (tmp_path / "ends").read_text() == "once\n"


def test_whoever_leaves_early_takes_the_living_along(children: list[int]) -> None:
    def answer(number: int) -> bytes:
        time.sleep(30 * (number - 1))
        return b""

    growing = Forks(2).grow([1, 2], answer)
    assert next(growing) == (1, b"")
    growing.close()
    assert len(children) == 2
    assert are_gone(children)


def test_interrupted_no_further_child_begins() -> None:
    forks = Forks(1)
    told = []
    for number, _ in forks.grow([1, 2, 3], lambda number: b""):
        told.append(number)
        forks.interrupt()
    assert told == [1]


def test_a_process_with_threads_is_not_forked() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not can_fork()
    finally:
        done.set()
        thread.join()
