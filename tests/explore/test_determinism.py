"""The same scenario and seed give the same digest: in fresh interpreters, in littered ones, and after other runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smaller_scenarios import SMALLER

from simkit.explore.run import EXECUTE
from simkit.kernel import core
from simkit.kernel.worker import Worker
from simkit.language.library import Library
from simkit.language.scenario import load_scenario
from simkit.observe.document import read_document
from simkit.registry import Registry

HERE = Path(__file__).parent
GREETINGS = str(HERE / "greetings.yaml")
SHORT = ["duration=36s", "load.hello.until=20s"]
INSTALLED = Library().names()
LONG = {"task_queue/throughput"}
"""Scenarios that take a minute; `make audit` runs them."""


def variants_of(name: str) -> list[str | None]:
    return [None, *load_scenario(name, registry=Registry()).variants]


def digest(worker: Worker, scenario: str, **options: Any) -> str:
    systems = ["greetings:card"] if scenario == GREETINGS else []
    answer = worker.call(EXECUTE, scenario=scenario, systems=systems, whole=False, **options)
    document = read_document(answer["document"].encode())
    assert document.error is None, document.error.traceback
    return document.digest


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker((str(HERE),)) as one:
        yield one


@pytest.fixture(scope="module")
def littered() -> Iterator[Worker]:
    """An interpreter with odd addresses and counts, and with whatever the scenarios before left in it."""
    with Worker((str(HERE),)) as one:
        assert one.call("noise:litter", amount=50_000) > 0
        yield one


@pytest.mark.parametrize("name", [name for name in INSTALLED if name not in LONG])
def test_every_scenario_is_the_same_in_a_fresh_and_in_a_littered_interpreter(
    name: str, worker: Worker, littered: Worker
) -> None:
    overrides = SMALLER.get(name, [])  # `make audit` runs them whole
    assert digest(worker, name, overrides=overrides) == digest(littered, name, overrides=overrides)


@pytest.mark.audit
@pytest.mark.skipif(core.name != "c", reason="there is no compiled core here")
@pytest.mark.parametrize("name", INSTALLED)
def test_every_scenario_is_the_same_on_both_cores(name: str, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMKIT_CORE", "python")
    overrides = SMALLER.get(name, [])
    with Worker((str(HERE),)) as other:
        assert digest(worker, name, overrides=overrides) == digest(other, name, overrides=overrides)


@pytest.mark.audit
@pytest.mark.parametrize("name", INSTALLED)
def test_every_variant_is_the_same_in_a_fresh_and_in_a_littered_interpreter(
    name: str, worker: Worker, littered: Worker
) -> None:
    for variant in variants_of(name):
        assert digest(worker, name, variant=variant) == digest(littered, name, variant=variant), variant


def test_a_run_is_the_same_after_fifty_others(worker: Worker) -> None:
    first = digest(worker, GREETINGS)
    others = {digest(worker, GREETINGS, seed=seed, overrides=SHORT) for seed in range(100, 150)}
    assert len(others) == 50
    assert digest(worker, GREETINGS) == first


@pytest.mark.audit
@pytest.mark.parametrize("name", [name for name in INSTALLED if name not in LONG])
def test_every_scenario_is_the_same_after_fifty_other_runs(name: str, worker: Worker) -> None:
    first = digest(worker, name)
    for seed in range(1000, 1050):
        digest(worker, name, seed=seed)
    assert digest(worker, name) == first


def test_a_run_in_this_interpreter_is_the_same_as_in_a_worker(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    from simkit.explore.run import run_scenario

    monkeypatch.syspath_prepend(str(HERE))
    document = run_scenario(GREETINGS, registry=Registry(["greetings:card"]))
    assert document.digest == digest(worker, GREETINGS)


def test_every_other_seed_is_another_run(worker: Worker) -> None:
    assert len({digest(worker, GREETINGS, seed=seed, overrides=SHORT) for seed in range(20)}) == 20
