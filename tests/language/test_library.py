"""Files, folders, installed names; and the walls around them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simkit.language.library import Library
from simkit.language.problem import ScenarioError
from simkit.language.scenario import Scenario, load_scenario

Loader = Callable[..., Scenario]


def test_names_and_folders(library: Library) -> None:
    assert library.names() == ["task_queue/steady"]
    assert [source.name for source in library.locate("task_queue/steady")] == ["task_queue/steady"]
    assert [source.name for source in library.locate("task_queue")] == ["task_queue/steady"]
    assert [source.name for source in library.locate(library.root / "task_queue" / "steady.yaml")] == [
        "task_queue/steady"
    ]


def test_a_lesson_is_one_scenario_named_by_its_folder(tmp_path: Path, steady: str) -> None:
    lesson = tmp_path / "lessons" / "split_brain"
    lesson.mkdir(parents=True)
    (lesson / "scenario.yaml").write_text(steady)
    (lesson / "questions.yaml").write_text("- who?")
    library = Library(tmp_path)
    assert library.names() == ["lessons/split_brain"]
    assert [source.name for source in library.locate("lessons/split_brain")] == ["lessons/split_brain"]
    assert [source.name for source in library.locate(tmp_path)] == ["lessons/split_brain"]


def test_a_file_that_changes_an_installed_scenario(load: Loader) -> None:
    scenario = load(
        "extends: task_queue/steady\nseed: 8\nfaults: {gc: null, split: {for: 30s}}\n"
        "expect: [drop queue_drained, fails effect_once]\n"
    )
    assert (scenario.seed, scenario.title) == (8, "Slow is not dead")
    assert [fault.name for fault in scenario.faults] == ["losses", "split", "again"]
    assert str(scenario.position("seed")) == "my.yaml:2:1"
    assert str(scenario.position("faults.losses")) == "steady.yaml:20:3"
    assert [expected.expectation.text for expected in scenario.expectations][-1] == "fails effect_once"
    assert len(scenario.expectations) == 4


def test_a_file_that_changes_one_beside_it(load: Loader, steady: str) -> None:
    load(steady)
    Path("base.yaml").write_text(steady)
    assert load("extends: base.yaml\ntitle: Other\n").title == "Other"
    Path("below").mkdir()
    Path("below/base.yaml").write_text(steady)
    assert load("extends: ./below/base.yaml\ntitle: Other\n").title == "Other"


def test_errors_in_the_base_are_shown_there(load: Loader, steady: str) -> None:
    Path("base.yaml").write_text(steady.replace("puase", "pause").replace("any 2 of workers", "any 2 of worker"))
    with pytest.raises(ScenarioError, match=r"^base\.yaml:19:19: unknown target"):
        load("extends: base.yaml\n")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("extends: ../x.yaml", "`../x.yaml` leaves the folder of the file that names it"),
        ("extends: /etc/passwd.yaml", "leaves the folder"),
        ("extends: below/../../x.yaml", "leaves the folder"),
        ("extends: link.yaml", "leaves the folder"),
        ("extends: linked/x.yaml", "leaves the folder"),
        ('extends: "x\\0.yaml"', "leaves the folder"),
        ("extends: my.yaml", "goes round in a circle"),
        ("extends: nowhere.yaml", "my.yaml:1:10: `nowhere.yaml` cannot be opened (No such file or directory)"),
        ("extends: pipe.yaml", "is not a regular file"),
        ("extends: folder.yaml", "cannot be opened"),
        ("extends: task_queue/stedy", "unknown scenario `task_queue/stedy` in `extends`; nearest: `task_queue/steady`"),
        ("extends: ../task_queue/steady", "unknown scenario"),
        ("extends: [a]", "one installed name or one file"),
        ("extends: 5", "one installed name or one file"),
        ("extends: chain0.yaml", "the limit extends of 8 files is exceeded"),
        ("extends: task_queue/steady\nexpect: [drop queue_draind]", "no inherited expectation is about `queue_draind`"),
        ("extends: task_queue/steady\nfaults: {gcc: null}", "`faults.gcc`: expected a map, found nothing"),
    ],
)
def test_extends_refused(load: Loader, tmp_path: Path, text: str, refusal: str) -> None:

    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "x.yaml").write_text("title: secret")
    Path("link.yaml").symlink_to(outside / "x.yaml")
    Path("linked").symlink_to(outside)
    Path("folder.yaml").mkdir()
    os.mkfifo("pipe.yaml")
    for number in range(12):
        Path(f"chain{number}.yaml").write_text(f"extends: chain{number + 1}.yaml")
    with pytest.raises(ScenarioError) as error:
        load(text)
    assert refusal in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("nowhere.yaml", "cannot be opened"),
        ("task_queue/stedy", "no such file, and no installed scenario of that name; nearest: `task_queue/steady`"),
        ("../../etc/passwd", "no such file"),
        ("\0", "no such file"),
        ("/dev/zero", "no such file"),
        (".", "no scenario file in this folder"),
    ],
)
def test_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Any, library: Library, name: str, refusal: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as error:
        load_scenario(name, registry=registry, library=library)
    assert refusal in str(error.value)


def test_a_link_in_the_library_does_not_lead_out(tmp_path: Path) -> None:
    root = tmp_path / "library"
    root.mkdir()
    (tmp_path / "secret.yaml").write_text("title: secret")
    (root / "secret.yaml").symlink_to(tmp_path / "secret.yaml")
    assert Library(root).find("secret") is None


def test_the_library_of_this_installation_is_a_folder() -> None:
    assert Library().root.name in ("scenarios", "simkit_scenarios")
