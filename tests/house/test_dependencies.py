"""What is imported is declared, what is declared is pinned, and what is pinned is what these tests run on.

The digest is promised for one constraints file; a test that passed on other versions would prove nothing about it.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "simkit-dst"


@pytest.fixture(scope="session")
def declared(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def lines(project: Path) -> list[str]:
    """The constraints, without comments and empty lines."""
    text = (project / "constraints.txt").read_text(encoding="utf-8")
    return [line for line in (line.partition("#")[0].strip() for line in text.splitlines()) if line]


@pytest.fixture(scope="session")
def pins(lines: list[str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def group(declared: dict[str, Any], name: str) -> list[str]:
    """Return the requirements of a dependency group, those of included groups too."""
    found: list[str] = []
    for entry in declared["dependency-groups"][name]:
        found += [entry] if isinstance(entry, str) else group(declared, entry["include-group"])
    return found


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def needed(requirements: Iterable[str]) -> set[str]:
    """Return all distributions that these requirements bring along in this environment, themselves included."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    visited: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in visited:
                continue
            visited.add((name, extra))
            found.add(name)
            for text in metadata.requires(name) or ():
                child = Requirement(text)
                if child.marker is None or child.marker.evaluate({"extra": extra}):
                    waiting.append(child)
    return found


@cache
def distributions() -> dict[str, set[str]]:
    """Import name -> the installed distributions that provide it."""
    found = metadata.packages_distributions()
    return {module: {canonicalize_name(name) for name in owners} for module, owners in found.items()}


def imported(folder: Path) -> dict[str, Path]:
    """Return the top-level names that a folder's files import from outside, each with one file that does."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for top in {module.partition(".")[0] for module in modules}:
                if top not in sys.stdlib_module_names and not top.startswith("simkit"):
                    found[top] = path
    return found


def undeclared(folder: Path, requirements: Iterable[str]) -> dict[str, Path]:
    allowed = names(requirements)
    return {top: path for top, path in imported(folder).items() if not distributions().get(top, {top}) & allowed}


def test_a_constraint_is_a_name_and_a_version_and_no_place(lines: list[str]) -> None:
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []


def test_nothing_is_pinned_twice(lines: list[str], pins: dict[str, str]) -> None:
    assert len(pins) == len(lines)


def test_whatever_simkit_and_its_tools_bring_along_is_pinned(declared: dict[str, Any], pins: dict[str, str]) -> None:
    bare = needed([f"{OURS}[all]", *group(declared, "dev")]) - {OURS} - set(pins)
    assert bare == set()


def test_the_benchmark_peers_are_pinned(declared: dict[str, Any], pins: dict[str, str]) -> None:
    assert names(group(declared, "peers")) - set(pins) == set()


def test_this_environment_is_the_pinned_one(declared: dict[str, Any], pins: dict[str, str]) -> None:
    present = needed([f"{OURS}[all]", *group(declared, "dev")]) - {OURS}
    other = {name: metadata.version(name) for name in present if metadata.version(name) != pins.get(name)}
    assert other == {}, "not the pinned versions; `make setup` puts that right"


def test_the_framework_imports_only_what_it_declares(project: Path, declared: dict[str, Any]) -> None:
    base = declared["project"]["dependencies"]
    # Asked for by one property of a run's outcome, which says what to install; the plugin, which only pytest loads;
    # what serves a user's ASGI application, which says so too; and an export, which has an extra of its own.
    tools = declared["project"]["optional-dependencies"]["export"]
    assert undeclared(project / "simkit", [*base, "pandas", "pytest", "uvicorn", *tools]) == {}
    assert undeclared(project / "faults", base) == {}


def test_a_system_imports_only_what_its_extra_declares(project: Path, declared: dict[str, Any]) -> None:
    base = declared["project"]["dependencies"]
    extras = declared["project"]["optional-dependencies"]
    for system in declared["project"]["entry-points"]["simkit.systems"]:
        assert undeclared(project / "nodes" / "simkit_nodes" / system, [*base, *extras.get(system, [])]) == {}


def test_a_block_imports_only_what_some_extra_declares(project: Path, declared: dict[str, Any]) -> None:
    extras = declared["project"]["optional-dependencies"].values()
    anything = [*declared["project"]["dependencies"], *(text for requirements in extras for text in requirements)]
    assert undeclared(project / "nodes" / "simkit_nodes" / "blocks", anything) == {}


def test_every_extra_is_a_system_or_the_exports_and_all_has_every_extra(declared: dict[str, Any]) -> None:
    extras = declared["project"]["optional-dependencies"]
    systems = set(declared["project"]["entry-points"]["simkit.systems"])
    assert set(extras) - {"all", "export"} <= systems
    assert {extra for text in extras["all"] for extra in Requirement(text).extras} == set(extras) - {"all"}


def test_no_tool_and_no_rival_is_an_extra(declared: dict[str, Any]) -> None:
    extras = {text for requirements in declared["project"]["optional-dependencies"].values() for text in requirements}
    assert names(extras) & names([*group(declared, "dev"), *group(declared, "peers")]) == set()


@pytest.mark.audit
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_constraints_resolve(python: str, project: Path, declared: dict[str, Any], tmp_path: Path) -> None:
    wanted = [
        *declared["project"]["dependencies"],
        *(
            text
            for name, texts in declared["project"]["optional-dependencies"].items()
            if name != "all"
            for text in texts
        ),
        *group(declared, "dev"),
    ]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--dry-run"]
    target = ["--ignore-installed", "--target", str(tmp_path), "--python-version", python, "--only-binary", ":all:"]
    constraints = ["--constraint", str(project / "constraints.txt")]
    done = subprocess.run([*pip, *target, *constraints, *wanted], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
