"""Sweeps as a table, as data and as a picture; variants side by side; faults of a run that is still to come."""

import pytest

from simkit.observe.document import Document, ExpectationEntry
from simkit.report import grid_picture
from simkit.report.grid import grids
from simkit.report.side_by_side import comparable, side_by_side, side_by_side_page

LATENCY = "task.latency p99 < 2s"


def measured(value, unit="s", verdict="pass", text=LATENCY):
    return ExpectationEntry(
        text=text, kind="metric", subject=text, verdict=verdict, as_declared=verdict == "pass", value=value, unit=unit
    )


def run(seed, *expectations, **more):
    verdict = "fail" if any(each.verdict == "fail" for each in expectations) else "pass"
    return Document(scenario="x/y", seed=seed, duration_ns=10, expectations=expectations, verdict=verdict,
                    as_declared=all(each.as_declared for each in expectations), **more)  # fmt: skip


RUNS = [
    (("seed=9", "hosts.workers.count=2", "load.a.rate=1/s"), run(1, measured(1.0))),
    (("seed=9", "hosts.workers.count=2", "load.a.rate=1/s"), run(2, measured(3.0, verdict="fail"))),
    (("seed=9", "hosts.workers.count=4", "load.a.rate=1/s"), run(1, measured(0.5))),
    (("seed=9", "hosts.workers.count=4", "load.a.rate=1/s"), run(2, measured(None))),
]
PATHS = ("hosts.workers.count", "load.a.rate")
TABLE = """\
sweep of x/y
workers.count  a.rate  as declared  task.latency p99 < 2s
2              1/s     1 of 2       2 s (1 s to 3 s)
4              1/s     2 of 2       500 ms
"""


def test_a_sweep_is_a_table_of_its_points():
    [grid] = grids(RUNS, PATHS)
    assert grid.in_words() == TABLE


def test_a_sweep_is_data():
    [grid] = grids(RUNS, PATHS)
    first = grid.as_json()["points"][0]
    assert first == {
        "values": {"hosts.workers.count": "2", "load.a.rate": "1/s"},
        "seeds": [1, 2],
        "as_declared": 1,
        "verdicts": {"pass": 1, "fail": 1},
        "measured": {LATENCY: {"mean": 2.0, "min": 1.0, "max": 3.0, "unit": "s"}},
    }


def test_every_variant_has_a_table_of_its_own():
    assert [grid.variant for grid in grids([(("a=1",), run(1)), (("a=1",), run(1, variant="v"))], ("a",))] == [
        None,
        "v",
    ]


def test_a_sweep_is_a_picture(tmp_path):
    [grid] = grids(RUNS, PATHS)
    grid_picture.draw(grid, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert LATENCY.replace("<", "&lt;") in text
    assert "red ring" in text
    grid_picture.draw(grid, tmp_path / "b.svg")
    assert (tmp_path / "b.svg").read_text() == text
    grid_picture.draw(grid, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_sweep_without_a_number_has_no_picture(tmp_path):
    [grid] = grids([(("a=1",), run(1))], ("a",))
    with pytest.raises(ValueError, match="measured nothing to draw"):
        grid_picture.draw(grid, tmp_path / "a.svg")
    [grid] = grids(RUNS, PATHS)
    with pytest.raises(ValueError, match=r"ends in \.svg or \.png"):
        grid_picture.draw(grid, tmp_path / "a.jpg")


# -- variants


def always(name, verdict="pass", declared="holds"):
    as_declared = verdict == ("fail" if declared == "fails" else "pass")
    return ExpectationEntry(
        text=f"always {name}", kind="always", subject=name, declared=declared, verdict=verdict, as_declared=as_declared
    )


VARIANTS = [
    run(1, always("effect_once"), always("accounting")),
    run(1, always("effect_once", "fail", "fails"), variant="byzantine"),
    run(1, always("effect_once"), variant="omission"),
    run(2, always("effect_once", "fail"), variant="omission"),
]
SIDE_BY_SIDE = """\
             (as it is)  byzantine  omission
effect_once  pass        fails      1 pass, 1 FAIL
accounting   pass        .          .
fails: as declared
"""


def test_variants_stand_side_by_side():
    assert comparable(VARIANTS)
    assert side_by_side(VARIANTS) == SIDE_BY_SIDE


def test_what_is_no_comparison():
    assert not comparable(VARIANTS[:1])
    assert not comparable([VARIANTS[0], Document(scenario="z", variant="v", seed=1, duration_ns=1, verdict="pass")])


def test_many_variants_are_told_below_each_other():
    many = [run(1, always("effect_once"), variant=f"variant_number_{number}") for number in range(20)]
    lines = side_by_side(many).splitlines()
    assert max(map(len, lines)) <= 120
    assert sum("effect_once" in line for line in lines) > 1


def test_the_page_says_the_same(tmp_path):
    page = side_by_side_page(VARIANTS, tmp_path / "x.html")
    assert "3 variants side by side" in page
    assert page.count("<td>not asked</td>") == 2
    assert "1 of 2 seeds as declared" in page
    assert "<script" not in page
    hostile = side_by_side_page([run(1, always("<b>"), variant="<u>"), run(1)], tmp_path / "x.html")
    assert "<b>" not in hostile
    assert "<u>" not in hostile
