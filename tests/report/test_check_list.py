"""The list of checks, and the guide that explains them, know what `simkit.checks` offers."""

import inspect
import re
from pathlib import Path

from click.testing import CliRunner

import simkit.checks
from simkit.checks import Check, Model
from simkit.cli import main
from simkit.report.check_list import check_list

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "write-a-check.md"
OFFERED = [
    name
    for name in simkit.checks.__all__
    if inspect.isclass(getattr(simkit.checks, name)) and issubclass(getattr(simkit.checks, name), Check | Model)
]


def test_the_list_tells_settings_with_their_defaults() -> None:
    text = check_list().in_words()
    assert re.search(r"Linearizability\.model +required", text)
    assert re.search(r"Linearizability\.budget += Budget\(steps=2_000_000, memory_bytes=268_435_456\)", text)
    assert re.search(r"Convergence\.quiet_s +=? ?30\.0", text)
    assert re.search(r"Queue\(keyed=False\) +enqueue, dequeue\s+First in, first out", text)
    assert max(map(len, text.splitlines())) <= 120


def test_every_check_and_model_has_a_sentence_and_stands_in_the_guide() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [name for name in OFFERED if f"`{name}" not in guide] == []
    assert all((getattr(simkit.checks, name).__doc__ or "").strip() for name in OFFERED)


def test_the_command_lists_them() -> None:
    run = CliRunner().invoke(main, ["list", "--checks"])
    assert run.exit_code == 0
    assert "ReadYourWrites" in run.output
    assert CliRunner().invoke(main, ["list", "--checks", "task_queue"]).exit_code == 2


def test_the_guides_python_is_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        if "await" not in block:
            compile(block, "write-a-check.md", "exec")


def test_the_guides_counter_is_a_model() -> None:
    block = re.search(r"```python\n(from simkit.checks import ILLEGAL.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert block
    names: dict[str, type[Model]] = {}
    exec(block[1], names)
    past = simkit.checks.linearize(names["Counter"](), [])
    assert past.verdict == "ok"
