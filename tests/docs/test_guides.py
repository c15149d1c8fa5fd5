"""Guides are typed as they stand: files are written, commands run, and what they say they print is printed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from simkit.language.scenario import load_scenario
from simkit.registry import Registry

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/test-your-own-service.md"
BLOCK = re.compile(r"(?:`(?P<name>\w+\.\w+)`[^`\n]*:\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
OFF = ("anyio", "looptime_plugin", "looptime_chronometers", "looptime_timeproxies", "hypothesispytest", "cacheprovider")
"""Plugins of this environment that a reader of a guide need not have, and that take long to start."""


def run(command: str, folder: Path) -> str:
    """Run one line as typed in a shell where simkit is installed; return all that it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTEST_ADDOPTS"] = " ".join(f"-p no:{name}" for name in OFF)
    words = shlex.split(command)
    words[0] = str(Path(sys.executable).with_name(words[0]))
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def typed_as_it_stands(text: str, folder: Path) -> tuple[int, int]:
    """Write the files of a guide, run its commands, and return how many there were of both."""
    written, commands = 0, 0
    for block in BLOCK.finditer(text):
        name, kind, body = block.groups()
        if kind == "console":
            command, *expected = body.splitlines()
            printed = run(command.removeprefix("$ "), folder)
            commands += 1
            for line in expected:
                assert " ".join(line.split()) in " ".join(printed.split()), printed
        else:
            written += 1
            # The one block without a name is a further test.
            (folder / (name or "test_world.py")).write_text(body, encoding="utf-8")
    return written, commands


def test_the_service_of_your_own(tmp_path):
    pytest.importorskip("aiohttp")
    assert typed_as_it_stands(GUIDE.read_text(encoding="utf-8"), tmp_path) == (6, 4)
    assert "1 passed" in run("pytest -q test_world.py", tmp_path)


def test_the_fleet_and_its_storm(tmp_path):
    text = GUIDE.with_name("simulate-a-fleet.md").read_text(encoding="utf-8")
    assert typed_as_it_stands(text, tmp_path) == (4, 1)


def test_a_service_and_its_test_take_under_twenty_lines():
    text = GUIDE.read_text(encoding="utf-8")
    first = next(block for block in BLOCK.finditer(text) if block["kind"] == "python")
    assert len([line for line in first["text"].splitlines() if line.strip()]) < 20


def test_every_example_of_the_guide_to_faults_is_a_scenario(tmp_path):
    guide = GUIDE.with_name("break-a-system.md").read_text(encoding="utf-8")
    examples = [block["text"] for block in BLOCK.finditer(guide) if block["kind"] == "yaml"]
    assert len(examples) == 6
    registry = Registry()
    for number, text in enumerate(examples):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text, encoding="utf-8")
        assert load_scenario(file, registry=registry).faults
