"""`make` explains itself, and a second run installs nothing again.

What the targets do is not tested here: `.ci/run` and every newcomer do that.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")

FILES = ("Makefile", "pyproject.toml", "constraints.txt")


def make(folder: Path, *arguments: str) -> str:
    """Return what make prints in a folder, free of the settings of a make around this test."""
    outer = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VENV", "PYTHON", "TESTS", "OPTIONS", "JOBS"}
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """A folder in which an environment for `make demo` was made after the files that decide about it."""
    for name in FILES:
        shutil.copy(project / name, tmp_path)
        os.utime(tmp_path / name, (1_000, 1_000))
    (tmp_path / ".venv").mkdir()
    for number, stamp in enumerate((".made", ".demo")):
        (tmp_path / ".venv" / stamp).touch()
        os.utime(tmp_path / ".venv" / stamp, (2_000 + number, 2_000 + number))
    return tmp_path


def test_bare_make_lists_every_target_with_a_line_about_it(folder: Path) -> None:
    declared = re.search(r"^\.PHONY: (.*)$", (folder / "Makefile").read_text(), flags=re.MULTILINE)
    assert declared is not None
    listed = re.findall(r"^  make (\w+) +\S", make(folder), flags=re.MULTILINE)
    assert sorted(listed) == sorted(declared[1].split())
    assert {"demo", "test", "check", "audit", "bench", "docs", "clean", "help"} <= set(listed)


def test_a_second_demo_installs_nothing(folder: Path) -> None:
    assert make(folder, "--dry-run", "demo").splitlines() == [".venv/bin/simkit run task_queue/worker_crashes"]


def test_changed_constraints_install_again(folder: Path) -> None:
    os.utime(folder / "constraints.txt", (3_000, 3_000))
    assert "install" in make(folder, "--dry-run", "demo")


def test_tests_need_the_larger_environment(folder: Path) -> None:
    plan = make(folder, "--dry-run", "test")
    assert "--group dev" in plan
    assert "-m venv" not in plan
    assert plan.splitlines()[-1].endswith("-m pytest -n 2 --dist worksteal  tests")
