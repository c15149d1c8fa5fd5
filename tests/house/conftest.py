"""What the house tests look at: the project's folder, and the files in it that are the project's own.

Installed copies, caches, run folders and whatever else git ignores are not the project's own.
"""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
NOT_OURS = {"build", "dist", "runs", "venv", "__pycache__"}


def _listed_by_git() -> list[Path] | None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listing = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # an unpacked archive, or a machine without git
    return [PROJECT / name for name in listing.stdout.split("\0") if name]


def _found_by_walking() -> list[Path]:
    def ours(path: Path) -> bool:
        parts = path.relative_to(PROJECT).parts
        return not any(part in NOT_OURS or part.startswith(".") for part in parts[:-1])

    return [path for path in PROJECT.rglob("*") if ours(path)]


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """All files of the project, sorted."""
    listed = _listed_by_git()
    return sorted(path for path in (_found_by_walking() if listed is None else listed) if path.is_file())


@pytest.fixture(scope="session")
def modules(files: list[Path]) -> list[Path]:
    """All Python files of the project, sorted."""
    return [path for path in files if path.suffix == ".py"]
