"""A compiled core that was built from other sources than those beside it is refused, not run."""

import shutil
from pathlib import Path

import pytest

from simkit.kernel import core
from simkit.kernel.core.sources import digest_of_sources

FOLDER = Path(core.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the core's C files."""
    for path in FOLDER.glob("*.[ch]"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_core_that_runs_was_built_from_the_sources_beside_it() -> None:
    if core.compiled is None:
        pytest.skip("no compiled core runs here")
    assert core.compiled.sources == digest_of_sources(FOLDER)


def test_one_changed_byte_in_any_source_is_an_error_that_tells_what_to_do(copy: Path) -> None:
    built_from = digest_of_sources(FOLDER)
    core._check_sources(built_from, copy)
    for path in sorted(copy.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        with pytest.raises(RuntimeError, match="run make setup"):
            core._check_sources(built_from, copy)
        path.write_bytes(content)
    core._check_sources(built_from, copy)


def test_a_source_that_came_or_went_is_an_error(copy: Path) -> None:
    built_from = digest_of_sources(copy)
    (copy / "port.c").write_text("")
    with pytest.raises(RuntimeError, match="other sources"):
        core._check_sources(built_from, copy)
    (copy / "port.c").unlink()
    (copy / "queue.c").unlink()
    with pytest.raises(RuntimeError, match="other sources"):
        core._check_sources(built_from, copy)


def test_without_sources_beside_it_or_compiled_by_hand_a_core_is_taken_as_it_is(copy: Path, tmp_path: Path) -> None:
    (empty := tmp_path / "installed").mkdir()
    core._check_sources(digest_of_sources(FOLDER), empty)
    core._check_sources("", copy)
