"""The table of many runs."""

import msgspec

from simkit.observe.document import Document
from simkit.report.table import table


def test_many_runs_are_a_line_each_and_a_count(passing: Document, failing: Document, broken: Document) -> None:
    variant = msgspec.structs.replace(failing, scenario=passing.scenario, variant="no_token", as_declared=True)
    again = msgspec.structs.replace(variant, seed=8)
    lines = table([passing, variant, again, broken]).splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["scenario", "seed", "verdict", "declared", "digest", "what", "happened"],
        [passing.scenario, "7", "pass", "as", "declared", "0007", "9c41", "e07a"],
        ["no_token", "7", "fails", "as", "declared", "0007", "9c41", "e07a", "effect_once", "at", "06:30.311"],
        ["8", "fails", "as", "declared", "0007", "9c41", "e07a", "effect_once", "at", "06:30.311"],
    ]
    assert "ERROR   NOT as declared" in lines[4]
    assert lines[5].startswith("4 runs: 1 pass, 2 fail, 1 error · 1 NOT as declared · ")


def test_columns_stand_below_each_other(passing: Document, failing: Document, crowded: Document) -> None:
    lines = table([passing, failing, crowded]).splitlines()[:-1]
    assert (
        len({line.index(word) for line, word in zip(lines, ("verdict", "pass", "FAIL", "unknown"), strict=True)}) == 1
    )


def test_a_variant_alone_names_its_scenario(failing: Document) -> None:
    lines = table([msgspec.structs.replace(failing, variant="no_token")]).splitlines()
    assert lines[1] == "my"
    assert lines[2].startswith("  no_token")


def test_colour_comes_only_when_asked_for(failing: Document) -> None:
    assert "\x1b" not in table([failing])
    assert "\x1b[1;31mFAIL" in table([failing], color=True)


def test_no_runs_are_counted_too() -> None:
    assert table([]).splitlines()[1] == "0 runs: none · all as declared · 0 events in 0 s"
