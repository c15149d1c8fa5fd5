"""The compiled core and the core in Python cannot be told apart: same order, same steps, same digest.

Each core runs in an interpreter of its own. Hypothesis writes programs, both run them, and what they tell must be equal
to the last byte. The kernel's own tests then run under the core that this interpreter does not have.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.explore.run import EXECUTE
from simkit.kernel import core
from simkit.kernel.records import DIGESTED, UNDIGESTED
from simkit.kernel.worker import Worker
from simkit.language.library import Library
from simkit.observe.document import Document, read_document

HERE = Path(__file__).parent
COMPILED = core.compiled is not None
pytestmark = pytest.mark.skipif(
    not COMPILED and os.environ.get(core.CHOICE) != "python", reason="there is no compiled core here"
)


def worker_of(name: str) -> Worker:
    """Return an interpreter with that core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(core.CHOICE, name)
        return Worker((str(HERE),))


@pytest.fixture(scope="module")
def workers() -> Iterator[dict[str, Worker]]:
    started = {name: worker_of(name) for name in ("python", "c")}
    yield started
    for worker in started.values():
        worker.close()


def told_by(workers: dict[str, Worker], function: str, **arguments: Any) -> dict[str, Any]:
    """Return what each core tells."""
    for worker in workers.values():
        worker.begin(f"twin_programs:{function}", **arguments)
    return {name: [*worker.answers()][-1]["result"] for name, worker in workers.items()}


def test_each_interpreter_has_the_core_that_was_asked_for(workers: dict[str, Worker]) -> None:
    assert told_by(workers, "name_of_core") == {"python": "python", "c": "c"}


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.binary(min_size=40, max_size=300), min_size=5, max_size=10))
def test_guests_tell_the_same(texts: list[bytes], workers: dict[str, Worker]) -> None:
    told = told_by(workers, "play_inns", texts=[text.hex() for text in texts])
    assert told["c"] == told["python"]


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.binary(min_size=60, max_size=400), min_size=3, max_size=6))
def test_messages_take_the_same_way(texts: list[bytes], workers: dict[str, Worker]) -> None:
    told = told_by(workers, "play_towns", texts=[text.hex() for text in texts])
    assert told["c"] == told["python"]


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(st.binary(min_size=30, max_size=150), min_size=10, max_size=20), seed=st.integers(0, 2**64 - 1))
def test_callbacks_run_in_the_same_order(texts: list[bytes], seed: int, workers: dict[str, Worker]) -> None:
    told = told_by(workers, "play_orders", texts=[text.hex() for text in texts], seed=seed)
    assert told["c"] == told["python"]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    name=st.text(max_size=20),
    kinds=st.lists(st.integers(0, 14), max_size=60),
    number=st.floats(1e-6, 1e3),
)
def test_draws_are_the_same_to_the_last_bit(
    seed: int, name: str, kinds: list[int], number: float, workers: dict[str, Worker]
) -> None:
    told = told_by(workers, "play_draws", seed=seed, name=name, kinds=kinds, number=number)
    assert told["c"] == told["python"]


numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
plain = st.none() | st.booleans() | numbers | st.text(max_size=300)
heads = st.tuples(st.sampled_from(sorted(DIGESTED | UNDIGESTED)), st.text(max_size=40), st.text(max_size=40))
writes = st.tuples(heads, st.lists(plain, max_size=20)).map(lambda two: [*two[0], *two[1]])


@settings(max_examples=100, deadline=None)
@given(writes=st.lists(writes, max_size=12))
def test_records_have_the_same_digest(writes: list[list[Any]], workers: dict[str, Worker]) -> None:
    told = told_by(workers, "play_records", writes=writes)
    assert told["c"] == told["python"]


def test_large_payloads_have_the_same_digest(workers: dict[str, Worker]) -> None:
    writes = [["stream", "a", letter * 10**power, power] for power in range(6) for letter in ("a", "ü")]
    told = told_by(workers, "play_records", writes=writes * 3)
    assert told["c"] == told["python"]


def test_programs_are_lively_enough_to_mean_something(workers: dict[str, Worker]) -> None:
    texts = [b"".join(sha256(bytes([one, two])).digest() for two in range(9)).hex() for one in range(30)]
    told = told_by(workers, "play_inns", texts=texts)
    assert told["c"] == told["python"]
    assert sum(len(log) for log, *_ in told["c"]) > 30 * 30
    assert len({digest for _, digest, *_ in told["c"]}) > 10
    endings = {entry[3] for log, *_ in told["c"] for entry in log if len(entry) > 3}
    words = {"cancelled", "too late", "failed", "in a task", "outside", "held", "True True"}
    assert words < {each for each in endings if type(each) is str}


def test_towns_are_lively_enough_to_mean_something(workers: dict[str, Worker]) -> None:
    texts = [b"".join(sha256(bytes([one, two])).digest() for two in range(12)).hex() for one in range(25)]
    told = told_by(workers, "play_towns", texts=texts)
    assert told["c"] == told["python"]
    assert sum(len(log) for log, *_ in told["c"]) > 25 * 40
    words = {each for log, *_ in told["c"] for entry in log for each in entry if type(each) is str}
    assert {"letter", "book", "series", "remembers", "fails", "RequestTimeout", "Unreachable", "delivered"} < words
    assert {"lost", "blocked", "rejected", "no process", "no power", "reply"} < words


def document_of(worker: Worker, name: str) -> Document:
    answer = worker.call(EXECUTE, scenario=name, systems=[], whole=False)
    document = read_document(answer["document"].encode())
    assert document.error is None, document.error.traceback
    return document


def assert_same_run(workers: dict[str, Worker], name: str) -> None:
    ours, reference = (document_of(workers[core_name], name) for core_name in ("c", "python"))
    assert (ours.core, reference.core) == ("c", "python")
    assert ours.digest == reference.digest
    assert ours.events == reference.events > 1000


def test_a_scenario_has_the_same_digest(workers: dict[str, Worker]) -> None:
    assert_same_run(workers, "task_queue/worker_crashes")


@pytest.mark.audit
@pytest.mark.parametrize("name", Library().names())
def test_every_scenario_of_the_library_has_the_same_digest(name: str, workers: dict[str, Worker]) -> None:
    assert_same_run(workers, name)


CORE_TESTS = ("order", "task", "cancellation", "burial", "time")


def test_the_kernels_tests_pass_under_the_other_core() -> None:
    other = "python" if COMPILED else "c"
    files = [f"tests/kernel/test_{name}.py" for name in CORE_TESTS]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *files]
    done = subprocess.run(
        command, cwd=HERE.parents[1], env=os.environ | {core.CHOICE: other}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
