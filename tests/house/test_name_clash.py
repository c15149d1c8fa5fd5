"""Another project is called `simkit` too: where its files lie over ours, simkit says so instead of failing oddly.

What happens before any of our code runs cannot be helped here; docs/limits.md tells of it.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import simkit
from simkit import installation


@pytest.fixture
def shared_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A site-packages folder where both projects' files went into one folder `simkit`."""
    (tmp_path / "simkit").mkdir()
    (tmp_path / "simkit" / "__init__.py").write_text('"""A toolkit for something else."""\n')
    information = tmp_path / "simkit-0.1.8.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: simkit\nVersion: 0.1.8\n")
    (information / "RECORD").write_text("simkit/__init__.py,,\nsimkit-0.1.8.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    importlib.invalidate_caches()


def package(init: Path | None) -> ModuleType:
    module = ModuleType("simkit")
    module.__file__ = None if init is None else str(init)
    return module


def test_an_installation_of_its_own_is_accepted() -> None:
    assert installation.clash(simkit) is None
    installation.refuse_clash()


def test_files_of_the_other_project_over_ours_are_named(shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_PACKAGE", shared_folder / "simkit")
    found = installation.clash(package(shared_folder / "simkit" / "__init__.py"))
    assert found is not None
    assert found.startswith("simkit 0.1.8 is another project and has overwritten files of simkit")
    assert "pip uninstall -y simkit simkit-dst" in found


def test_the_other_project_in_another_folder_of_the_path_does_no_harm(shared_folder: Path) -> None:
    assert installation.clash(simkit) is None


def test_the_other_project_found_first_is_named(shared_folder: Path) -> None:
    found = installation.clash(package(shared_folder / "simkit" / "__init__.py"))
    assert found is not None
    assert "finds another project" in found


def test_what_an_uninstalled_project_took_along_is_noticed() -> None:
    found = installation.clash(package(None))
    assert found is not None
    assert "its __init__.py is gone" in found


def test_a_clash_stops_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simkit", package(None))
    with pytest.raises(installation.NameClash, match="is gone"):
        installation.refuse_clash()


def test_the_scenario_library_is_found_in_a_checkout_and_in_an_installation(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installation.scenario_folder() == project / "scenarios"
    (tmp_path / "simkit_scenarios").mkdir()
    monkeypatch.setattr(installation, "_PACKAGE", tmp_path / "simkit")
    assert installation.scenario_folder() == tmp_path / "simkit_scenarios"
