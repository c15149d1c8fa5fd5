"""Branches of a run: the same up to an instant, of other luck from there on, and the same however they are made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.explore.branches import carry_out_branches
from simkit.explore.campaign import Order, carry_out
from simkit.explore.pool import Pool
from simkit.explore.run import Branch, run_scenario
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace, first_difference
from simkit.registry import Registry

HERE = Path(__file__).parent
FILE = HERE / "greetings.yaml"
AT_NS = 22 * 10**9
"""While the server is down."""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(HERE))
    return Registry(["greetings:card"])


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2, (str(HERE),)) as started:
        yield started


def orders(*numbers: int, at_ns: int = AT_NS, overrides: tuple[str, ...] = ()) -> list[Order]:
    return [
        Order(str(FILE), systems=("greetings:card",), whole=False, overrides=overrides, branch=(at_ns, number))
        for number in numbers
    ]


def outcomes(carried: Iterator[tuple[Order, Document]]) -> list[tuple[object, ...]]:
    return [
        (order.branch, document.branch, document.digest, document.verdict, document.event_counts, document.systems)
        for order, document in carried
    ]


def test_a_forked_branch_is_the_branch_that_walks_the_whole_way(pool: Pool) -> None:
    wanted = orders(1, 2, 3, 4)
    forked = outcomes(carry_out_branches(wanted, pool))
    assert forked == outcomes(carry_out(wanted, pool))
    assert len({digest for _, _, digest, *_ in forked}) == 4


def test_a_branch_parts_from_its_run_after_the_instant_and_not_before(registry: Registry, tmp_path: Path) -> None:
    run_scenario(FILE, registry=registry, folder=tmp_path / "run", trace="file")
    for number in (1, 2):
        folder = tmp_path / f"branch {number}"
        run_scenario(FILE, registry=registry, folder=folder, trace="file", branch=Branch(AT_NS, number))
        found = first_difference(StoredTrace(tmp_path / "run" / "trace.bin"), StoredTrace(folder / "trace.bin"))
        assert found is not None
        assert found.first is not None
        assert found.first.time_ns > AT_NS


def test_faults_stay_where_they_were_planned(registry: Registry) -> None:
    run = run_scenario(FILE, registry=registry)
    branch = run_scenario(FILE, registry=registry, branch=Branch(AT_NS, 1))
    assert branch.faults == run.faults
    assert (branch.branch, branch.branched_ns) == (1, AT_NS)
    assert branch.digest != run.digest


def test_a_run_that_ended_before_has_no_branches(pool: Pool) -> None:
    wanted = orders(1, 2, overrides=("config.client.rude_at=5",))
    forked = outcomes(carry_out_branches(wanted, pool))
    assert forked == outcomes(carry_out(wanted, pool))
    assert [(branch, verdict) for _, branch, _, verdict, *_ in forked] == [(None, "error")] * 2


def test_where_no_process_can_be_forked_branches_are_run_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pool(1, (str(HERE),)) as pool:
        wanted = orders(1, 2)
        whole = outcomes(carry_out_branches(wanted, pool))
        pool._workers[0].call("busy_worker:keep_a_thread")
        assert outcomes(carry_out_branches(wanted, pool)) == whole
