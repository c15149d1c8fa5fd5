"""The wheel, installed where nothing else is, brings only names that begin with `simkit`, and works from any folder.

The quick test installs it without fetching anything and borrows the libraries of the environment around it; the audit
lets pip fetch them as a user's would.
"""

import email
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

LINKER = (os.environ.get("LDSHARED") or "cc").split()[0]
COMPILED = sysconfig.get_config_var("EXT_SUFFIX")
SOURCES = {"simkit/kernel/fence/_diversion", "simkit/kernel/core/_core"}
OURS = {"simkit", "simkit_nodes", "simkit_faults", "simkit_scenarios"}


def output(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment made for one test, and a folder far from the project to stand in."""

    folder: Path
    elsewhere: Path

    @classmethod
    def make(cls, folder: Path, *options: str) -> "Environment":
        output(sys.executable, "-m", "venv", *options, folder / "venv", cwd=folder)
        (folder / "elsewhere").mkdir()
        return cls(folder / "venv", folder / "elsewhere")

    @property
    def packages(self) -> Path:
        return next(self.folder.glob("lib/python3*/site-packages"))

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *arguments: str | Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--python", self.python]
        output(*pip, "install", "--quiet", *arguments, cwd=self.elsewhere)

    def top_level(self) -> set[str]:
        """The import names that this environment's site-packages offer."""
        return {path.name for path in self.packages.iterdir() if path.suffix != ".dist-info"}

    def borrow_libraries(self) -> None:
        """Let this environment see the libraries of the one that runs the tests.

        Not its simkit: a folder named in a .pth file does not have its own .pth files read.
        """
        (self.packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, *arguments: str) -> str:
        return output(self.folder / "bin" / "simkit", *arguments, cwd=self.elsewhere)

    def evaluate(self, code: str) -> str:
        return output(self.python, "-c", code, cwd=self.elsewhere).strip()


def build(project: Path, folder: Path) -> Path:
    output(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=project)
    (built,) = folder.glob("simkit_dst-*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("empty"), "--without-pip")
    environment.install("--no-deps", "--no-index", wheel)
    return environment


def prove_that_it_works(environment: Environment, project: Path) -> None:
    """Use the installed command as somebody would who never saw this checkout."""
    for name in ("simkit", "simkit_nodes", "simkit_faults"):
        origin = Path(environment.evaluate(f"import {name}; print({name}.__file__)"))
        assert origin.is_relative_to(environment.packages), "imported from the checkout, not from the wheel"
    number = environment.evaluate("from importlib.metadata import version; print(version('simkit-dst'))")
    assert environment.run("--version").startswith(f"simkit {number}")
    scenarios = sorted((project / "scenarios" / "task_queue").glob("*.yaml"))
    environment.run("check", *(f"task_queue/{scenario.stem}" for scenario in scenarios))


def test_the_wheel_holds_the_whole_project_and_only_it(wheel: Path, project: Path, files: list[Path]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    homes = {
        "simkit": "simkit",
        "nodes/simkit_nodes": "simkit_nodes",
        "faults/simkit_faults": "simkit_faults",
        "scenarios": "simkit_scenarios",
    }
    expected = {
        f"{installed_as}/{path.relative_to(project / home).as_posix()}"
        for home, installed_as in homes.items()
        for path in files
        if path.is_relative_to(project / home)
    }
    assert {name for name in packed if not name.endswith(COMPILED)} == expected


@pytest.mark.skipif(not shutil.which(LINKER), reason="no C compiler")
def test_the_wheel_brings_what_was_compiled_for_this_interpreter_and_for_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if name.endswith(".so")} == {name + COMPILED for name in SOURCES}
    assert f"cp{sys.version_info.major}{sys.version_info.minor}" in wheel.name


@pytest.mark.parametrize("way", ["SIMKIT_PURE_PYTHON=1", "LDSHARED=no-such-compiler", "LDSHARED=false"])
def test_without_a_compiler_the_wheel_is_for_every_interpreter_and_says_what_it_lacks(
    way: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*way.split("=", 1))
    pure = build(project, tmp_path)
    assert pure.name.endswith("-py3-none-any.whl")
    environment = Environment.make(tmp_path, "--without-pip")
    environment.install("--no-deps", "--no-index", pure)
    environment.borrow_libraries()
    assert "core python · fence in Python only" in environment.run("--version")


def test_the_makefile_spells_an_extra_as_the_wheel_does(wheel: Path, project: Path) -> None:
    """Older pips compare letter by letter, and go on with a warning when an extra is unknown."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    asked_for = set(re.findall(r"--editable '\.\[([^]]+)\]'", (project / "Makefile").read_text(encoding="utf-8")))
    assert "task-queue" in asked_for
    assert asked_for <= set(metadata.get_all("Provides-Extra"))


def test_only_names_that_begin_with_simkit_reach_an_empty_environment(installed: Environment) -> None:
    assert installed.top_level() - {"borrowed.pth"} == OURS


def test_the_wheel_works_from_another_folder(installed: Environment, project: Path) -> None:
    installed.borrow_libraries()
    prove_that_it_works(installed, project)


@pytest.mark.audit
def test_the_wheel_and_its_libraries_install_from_nothing(wheel: Path, project: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path, "--without-pip")
    environment.install("--constraint", project / "constraints.txt", f"{wheel}[all]")
    assert {name for name in environment.top_level() if name in {"nodes", "faults", "scenarios", "tests"}} == set()
    assert {name for name in environment.top_level() if name.startswith("simkit")} == OURS
    prove_that_it_works(environment, project)


def test_the_command_says_so_when_another_project_lies_over_it(wheel: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path, "--without-pip")
    environment.install("--no-deps", "--no-index", wheel)
    environment.borrow_libraries()
    with zipfile.ZipFile(tmp_path / "simkit-0.1.8-py3-none-any.whl", "w") as other:
        other.writestr("simkit/__init__.py", '"""A toolkit for something else."""\n')
        other.writestr("simkit-0.1.8.dist-info/METADATA", "Metadata-Version: 2.1\nName: simkit\nVersion: 0.1.8\n")
        other.writestr("simkit-0.1.8.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        other.writestr("simkit-0.1.8.dist-info/RECORD", "simkit/__init__.py,,\n")
    environment.install("--no-deps", "--no-index", tmp_path / "simkit-0.1.8-py3-none-any.whl")
    done = subprocess.run([environment.folder / "bin" / "simkit", "list"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.startswith("simkit 0.1.8 is another project and has overwritten files of simkit")
    assert len(done.stderr.splitlines()) == 1
