"""The command `simkit lesson`, as a student and a professor type it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ANSWERS = "check: effect_once\nhost: broker\nwhen: 135s\ncount: 2\nredlock: the store refuses old tokens\n"
SOLUTION = Path(__file__).parent / "lessons" / "slow_is_not_dead" / "reference.py"


def lesson(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simkit", "lesson", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "answers.yaml").write_text(ANSWERS, encoding="utf-8")
    return tmp_path


def test_without_a_name_it_lists_the_lessons(folder: Path) -> None:
    done = lesson(folder)
    assert done.returncode == 0
    assert "  slow_is_not_dead      Slow is not dead\n  two_leaders_one_term  Two leaders in one term\n" in done.stdout


def test_predictions_are_sealed_run_and_told_beside_what_the_run_did(folder: Path) -> None:
    done = lesson(folder, "slow_is_not_dead", "--answers", "answers.yaml")
    assert done.returncode == 0, done.stderr
    assert "you said broker; the answer is effects" in done.stdout
    assert "FAILS 1 of 8, as declared" in done.stdout
    place = folder / "runs" / "lesson-slow_is_not_dead"
    page = (place / "report.html").read_text(encoding="utf-8")
    assert "What you said, and the answers" in page
    told = json.loads((place / "run.json").read_text(encoding="utf-8"))["predictions"]
    assert [each["right"] for each in told][:3] == [True, False, True]
    sealed = json.loads((place / "predictions.json").read_text(encoding="utf-8"))
    # What was sealed stays, whatever one says afterwards.
    (folder / "better.yaml").write_text(ANSWERS.replace("broker", "effects"), encoding="utf-8")
    again = lesson(folder, "slow_is_not_dead", "--answers", "better.yaml", "--json")
    assert "sealed already" in again.stderr
    assert json.loads(again.stdout)["predictions"][1]["said"] == "broker"
    sealed["answers"]["host"] = "effects"
    (place / "predictions.json").write_text(json.dumps(sealed), encoding="utf-8")
    broken = lesson(folder, "slow_is_not_dead")
    assert broken.returncode == 2
    assert "the seal is broken" in broken.stderr


def test_a_solution_is_tried_in_the_open(folder: Path) -> None:
    (folder / "mine.py").write_text(
        "class Fence:\n    def remember(self, *_):\n        pass\n    def refusal(self, *_):\n        return 1\n",
        encoding="utf-8",
    )
    done = lesson(folder, "slow_is_not_dead", "--try", "mine.py")
    assert done.returncode == 1
    assert "mine.py broke down: Fence.refusal must return str, not 1" in done.stdout
    assert (folder / "runs" / "lesson-slow_is_not_dead-mine" / "report.html").is_file()


def test_a_variant_is_tried_with_what_the_solution_needs_in_a_folder_of_its_own(folder: Path) -> None:
    (folder / "mine.py").write_text(SOLUTION.read_text(encoding="utf-8"), encoding="utf-8")
    done = lesson(folder, "slow_is_not_dead", "--try", "mine.py", "--variant", "knob_too_short")
    # The variant has tokens off and is declared to fail.
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("  set    config.worker.lease_token: true\n")
    assert "PASS  8 of 8" in done.stdout
    assert "again   simkit lesson slow_is_not_dead --try mine.py --variant knob_too_short\n" in done.stdout
    place = folder / "runs" / "lesson-slow_is_not_dead-mine-knob_too_short"
    page = (place / "report.html").read_text(encoding="utf-8")
    assert "simkit lesson slow_is_not_dead --try mine.py --variant knob_too_short" in page
    command = [sys.executable, "-m", "simkit", "run", str(place)]
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 2
    assert "made by another command: simkit lesson slow_is_not_dead --try mine.py" in again.stderr


def test_an_error_of_a_solution_names_its_own_file(folder: Path) -> None:
    (folder / "mine.py").write_text("class Fence:\n    token = newest\n", encoding="utf-8")
    done = lesson(folder, "slow_is_not_dead", "--try", "mine.py")
    assert done.returncode == 1
    assert "\nmine.py:2: NameError: name 'newest' is not defined\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("slow_is_not_ded",), "nearest: `slow_is_not_dead`"),
        (("slow_is_not_dead",), "a lesson asks for predictions: at a terminal, or from a file with --answers"),
        (
            ("slow_is_not_dead",),
            "  when: At what time of the run? The pause begins at 60 s and lasts 75 s; leases last 30 s. (s)\n",
        ),
        (("slow_is_not_dead", "--answers", "few.yaml"), "answer `host`"),
        (("slow_is_not_dead", "--grade", "answers.yaml"), "a solution of settings is"),
    ],
)
def test_bad_input_is_told_in_one_line_with_exit_code_2(folder: Path, words: tuple[str, ...], told: str) -> None:
    (folder / "few.yaml").write_text("check: none\n", encoding="utf-8")
    done = lesson(folder, *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
