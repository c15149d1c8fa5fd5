"""A folder with a test module of somebody's own, and pytest run in it as they would run it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SERVER = """
import asyncio
import pytest

async def server():
    async def serve(reader, writer):
        count = 0
        while await reader.readline():
            count += 1
            writer.write(b"%d\\n" % count)
        writer.close()
    await (await asyncio.start_server(serve, port=80)).serve_forever()

async def asked(times, pause=0.1):
    reader, writer = await asyncio.open_connection("server", 80)
    answers = []
    for _ in range(times):
        writer.write(b"one more\\n")
        answers.append(int(await reader.readline() or b"-1"))
        await asyncio.sleep(pause)
    writer.close()
    return answers
"""
"""A service that counts lines, and a client of it; tests are appended."""


class Ran:
    """What pytest said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.text = done.stdout + done.stderr

    def failure(self, test: str) -> str:
        """What the output tells of one failed test."""
        [text] = re.findall(rf"^_+ {re.escape(test)} _+\n(.*?)^(?=__+ |==+ )", self.text, re.MULTILINE | re.DOTALL)
        return text

    def command(self, test: str) -> list[str]:
        """The command that replays a failure, as the output names it."""
        [line] = re.findall(r"^again +(.*)$", self.failure(test), re.MULTILINE)
        return line.split()

    def virtual(self, test: str) -> str:
        """What the output tells of the failing run: seed, virtual time, digest, faults and log lines."""
        [text] = re.findall(r"^(seed \d+, ended after .*?)^---", self.failure(test), re.MULTILINE | re.DOTALL)
        return text


class Project:
    """Somebody's own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text, encoding="utf-8")

    def tests(self, text: str) -> None:
        """Write test_it.py: the service and these tests."""
        self.write(test_it=SERVER + text)

    def pytest(self, *arguments: str) -> Ran:
        return self.run("python", "-m", "pytest", *arguments)

    def run(self, *command: str) -> Ran:
        programs = {"python": sys.executable, "pytest": str(Path(sys.executable).with_name("pytest"))}
        line = [programs[command[0]], *command[1:]]
        # Plugins that do not matter here and take long to start, and settings that are only meant for the project.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        off = [
            "anyio",
            "looptime_plugin",
            "looptime_chronometers",
            "looptime_timeproxies",
            "hypothesispytest",
            "cacheprovider",
        ]
        environment["PYTEST_ADDOPTS"] = " ".join(f"-p no:{name}" for name in off)
        return Ran(subprocess.run(line, cwd=self.folder, capture_output=True, text=True, env=environment, timeout=120))


@pytest.fixture
def own(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Make a folder for several tests together: starting pytest and its worker takes seconds."""
    return lambda: Project(tmp_path_factory.mktemp("own"))
