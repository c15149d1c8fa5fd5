"""The figures of the card: each measures something sane in a few short runs, and the published numbers in many."""

from dataclasses import replace
from math import isfinite

import pytest

from simkit.card import Figure
from simkit.explore.audit import Audit
from simkit.explore.audit_row import FigureRow
from simkit.explore.pool import Pool
from simkit.registry import Registry
from simkit_nodes.task_queue.card import card

SMALL: dict[str, tuple[str, ...]] = {
    "task_queue/erlang": ("duration=70s", "warmup=10s", "load.resize.until=40s"),
    "task_queue/priorities": (
        "duration=70s",
        "warmup=10s",
        *(f"load.{name}.until=40s" for name in ("urgent", "normal", "batch")),
    ),
    "task_queue/restarts": ("duration=9min", "load.render.until=30s", "faults.losses.until=8min"),
}
SEEDS = 3


@pytest.fixture(scope="module")
def small_rows() -> dict[str, FigureRow]:
    figures = [replace(each, overrides=SMALL[each.scenario], items=0) for each in card.figures]
    audit = Audit(card, Registry(), figures=figures, seeds=SEEDS)
    with Pool(1) as pool:
        for _ in audit.carry_out(pool):
            pass
    return {row.figure.name: row for row in audit.figure_rows()}


@pytest.mark.parametrize("figure", card.figures, ids=lambda figure: figure.name)
def test_a_few_short_runs_give_a_number_near_the_published_one(
    figure: Figure, small_rows: dict[str, FigureRow]
) -> None:
    row = small_rows[figure.name]
    assert row.surprises == ()
    assert row.seeds == SEEDS
    assert row.items > 60
    assert row.result is not None
    assert isfinite(row.result.half_width)
    assert row.result.measured == pytest.approx(figure.value, rel=0.3)
    assert row.controlled is not None
    assert row.controlled.fits


def test_the_queue_as_built_goes_the_way_of_the_ideal_one(small_rows: dict[str, FigureRow]) -> None:
    for name in ("mean wait, M/M/8", "share of tasks that wait, M/M/8"):
        controlled = small_rows[name].controlled
        assert controlled is not None
        assert controlled.worth > 10


def test_each_of_the_specified_laws_has_its_row() -> None:
    published = {figure.name: figure.value for figure in card.figures}
    assert published == {
        "mean wait, M/M/8": pytest.approx(0.63532, abs=1e-5),
        "share of tasks that wait, M/M/8": pytest.approx(0.63532, abs=1e-5),
        "mean wait of priority 0, M/M/8": pytest.approx(0.10589, abs=1e-5),
        "mean wait of priority 5, M/M/8": pytest.approx(0.28236, abs=1e-5),
        "mean wait of priority 9, M/M/8": pytest.approx(1.69418, abs=1e-5),
        "attempts of a task that starts over": pytest.approx(1.8221, abs=1e-4),
        "time of a task that starts over": pytest.approx(90.43, abs=1e-2),
    }


@pytest.mark.audit
def test_the_published_numbers_are_reproduced_within_their_tolerances() -> None:
    audit = Audit(card, Registry(), figures=card.figures)
    with Pool() as pool:
        for _ in audit.carry_out(pool):
            pass
    for row in audit.figure_rows():
        assert row.verdict == "pass", row
        assert row.result is not None
        assert row.result.half_width < row.figure.tolerance * row.figure.value
