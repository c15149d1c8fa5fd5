"""Tab offers what would be accepted: scenarios, variants of the one on the line, systems, faults, runs."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from simkit.cli import main


def offered(*words: str, incomplete: str = "") -> list[str]:
    completion = ShellComplete(main, {}, "simkit", "_SIMKIT_COMPLETE")
    return [item.value for item in completion.get_completions(list(words), incomplete)]


def test_scenarios_by_the_beginning_of_their_name() -> None:
    assert "task_queue/steady" in offered("run", incomplete="task_queue/s")
    assert "task_queue/priorities" not in offered("run", incomplete="task_queue/s")


def test_a_path_is_left_to_the_shell() -> None:
    assert offered("run", incomplete="./mine") == ["./mine"]


def test_variants_of_the_scenario_on_the_line() -> None:
    assert offered("run", "task_queue/slow_is_not_dead", "--variant") == ["no_token"]
    assert offered("run", "task_queue/nothing_of_the_kind", "--variant") == []


def test_systems_and_faults() -> None:
    assert offered("audit", incomplete="task") == ["task_queue"]
    assert offered("list", incomplete="pow") == ["power_cut"]


def test_runs_below_the_folder_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "steady-1").mkdir(parents=True)
    (tmp_path / "runs" / "steady-1" / "run.json").write_text("{}")
    assert offered("open") == ["runs/steady-1"]
    assert offered("diff", "runs/other") == ["runs/steady-1"]
    assert offered("export") == ["runs/steady-1"]


def test_formats_of_an_export() -> None:
    assert offered("export", "runs/steady-1", "--format") == ["perfetto", "csv", "svg", "parquet"]
