"""`simkit new system`: what it writes runs, passes, and fails where it says so."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from simkit.cli import main
from simkit.explore.claims import problems
from simkit.explore.run import EXECUTE
from simkit.explore.template import FOLDER, TEMPLATE, commands, new_system
from simkit.explore.templates.replicated_counter.card import card as template_card
from simkit.kernel.worker import Worker
from simkit.observe.document import Document, read_document
from simkit.registry import Registry

NAME = "tally"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new system in it."""
    folder = tmp_path_factory.mktemp("home")
    new_system(NAME, folder)
    return folder


@pytest.fixture(scope="module")
def worker(home: Path) -> Iterator[Worker]:
    with Worker((str(home),)) as one:
        yield one


def run(worker: Worker, home: Path, **options: object) -> Document:
    scenario = str(home / NAME / "scenario.yaml")
    answer = worker.call(EXECUTE, scenario=scenario, systems=[f"{NAME}.card:card"], **options)
    return read_document(answer["document"].encode())


def test_it_runs_and_passes(worker: Worker, home: Path) -> None:
    document = run(worker, home)
    assert document.error is None
    assert (document.system, document.verdict, document.as_declared) == (NAME, "pass", True)
    assert len([fault for fault in document.faults if fault.fault == "kill"]) >= 5
    assert document.event_counts["add.acknowledged"] > 2_000


def test_its_variant_fails_by_the_check_it_names_and_tells_why(worker: Worker, home: Path) -> None:
    document = run(worker, home, variant="one_copy")
    assert (document.verdict, document.as_declared) == ("fail", True)
    [failed] = [each for each in document.expectations if each.verdict == "fail"]
    assert failed.text == "fails no_add_lost"
    story = failed.violations[0].story
    assert [step.fault for step in story if step.fault] == ["deaths"]
    assert story[-1].violation
    assert any(step.text.startswith("starts anew after") for step in story)


def test_two_deaths_at_once_are_more_than_it_promises_to_survive(worker: Worker, home: Path) -> None:
    """The first thing that its README proposes to try."""
    kill_two = 'faults.deaths.kill="any 2 of replicas"'
    assert run(worker, home, overrides=[kill_two]).verdict == "fail"
    cut = "faults.deaths={partition: [[replicas-0]], at: 60s, for: 30s, kill: null, every: null, until: null}"
    assert run(worker, home, overrides=[cut]).verdict == "pass"


def test_the_command_writes_it_and_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["new", "system", "ledger"])
    assert done.exit_code == 0
    assert [line.strip() for line in done.stdout.splitlines()[1:]] == list(commands("ledger"))
    assert sorted(path.name for path in (tmp_path / "ledger").iterdir()) == [
        "README.md", "__init__.py", "card.py", "check.py", "nodes.py", "scenario.yaml",
    ]  # fmt: skip
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "ledger").iterdir())
    assert TEMPLATE not in written
    assert all(command in written for command in commands("ledger"))


def test_another_folder_is_entered_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["new", "system", "ledger", "--into", "mine"])
    assert done.stdout.splitlines()[1].strip() == "cd mine"
    assert (tmp_path / "mine" / "ledger" / "card.py").is_file()


def test_the_audit_of_a_new_system_is_green(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(str(home))
    arguments = ["audit", NAME, "--system", f"{NAME}.card:card", "--seeds", "1", "-j", "1", "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    [row] = json.loads(done.stdout)["switches"]
    assert (row["scenario"], row["broken_when_off"], row["clean_when_on"], row["seeds"]) == (NAME, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Lock", "lower case letters"),
        ("lock-service", "lower case letters"),
        ("../lock", "lower case letters"),
        ("class", "lower case letters"),
        ("x" * 41, "at most 40"),
        ("json", "Python already finds a module `json`"),
        ("task_queue", "a system `task_queue` is installed already"),
    ],
)
def test_a_name_that_would_not_work_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["new", "system", name, "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert reason in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    done = CliRunner().invoke(main, ["new", "system", "ledger", "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert "file exists; nothing was written" in done.stderr
    assert list((tmp_path / "ledger").iterdir()) == []


def test_the_template_itself_is_a_sound_system() -> None:
    registry = Registry([f"simkit.explore.templates.{TEMPLATE}.card:card"])
    assert problems(template_card, registry) == []


def test_it_is_read_in_five_minutes() -> None:
    lines = 0
    for path in FOLDER.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text))
        lines += len([line for line in text.splitlines() if line.strip()])
    assert lines < 260
