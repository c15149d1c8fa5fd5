"""CPython's own tests of asyncio pass on a host's loop, but for those that `left_out.py` lists with the reason.

They run in a worker, once for all modules; each test here looks at one module and prints its counts.
"""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from simkit.kernel.worker import Worker

MODULES = {
    # The fewest tests that must have run, so that a change of how they are found is noticed.
    "test_tasks": 1000,
    "test_futures": 150,
    "test_futures2": 3,
    "test_queues": 40,
    "test_locks": 60,
    "test_timeouts": 20,
    "test_taskgroups": 30,
    "test_waitfor": 10,
    "test_streams": 50,
    "test_runners": 20,
    "test_threads": 6,
    "test_context": 1,
    "test_pep492": 8,
    "test_protocols": 5,
    "test_events": 10,
}


def _present(module: str) -> bool:
    try:
        return importlib.util.find_spec(f"test.test_asyncio.{module}") is not None
    except ImportError:
        return False


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    """What each module came to."""
    with Worker(path=(str(Path(__file__).parent),)) as worker:
        result: dict[str, Any] = worker.call("cpython_suite:play", modules=[each for each in MODULES if _present(each)])
    return result


@pytest.mark.parametrize("module", MODULES)
def test_cpythons_own_tests_pass_on_a_host(
    module: str, played: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    if module not in played:
        pytest.skip("this interpreter came without the package test, or without this module")
    counts = played[module]
    left_out = sum(counts["left_out"].values())
    with capsys.disabled():
        print(f"\n{module}: {counts['ran']} ran, {counts['skipped']} skipped by CPython, {left_out} left out", end="")
        for reason, number in counts["left_out"].items():
            print(f"\n    {number:4} {reason}", end="")
    assert not counts["failed"], "\n\n".join(f"{name}\n{text}" for name, text in counts["failed"].items())
    assert not counts["stale"], "what `left_out.py` names and CPython does not have"
    assert counts["ran"] >= MODULES[module]
