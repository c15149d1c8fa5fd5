"""porcupine on the same histories: a small Go program, built once, that times itself by its own processor time.

Needs a Go compiler, and porcupine's source in the folder that the variable PORCUPINE names. What it is timed for is the
check alone; ours is run by an interpreter that reads the same operations from memory, so neither pays for files.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.linearizability import Histories, require_histories
from benchmarks.work import Missing, Outcome, Timed
from simkit.observe.history import Operation

PROGRAM = Path(__file__).with_name("porcupine") / "main.go"
MODULE = """module peer

go 1.16

require github.com/anishathalye/porcupine v0.0.0

replace github.com/anishathalye/porcupine => {source}
"""


def prepare(given: Histories) -> Timed:
    """Build the program and hand it the histories."""
    require_histories(given)
    source = os.environ.get("PORCUPINE", "")
    if not shutil.which("go"):
        raise Missing("there is no Go compiler")
    if not (Path(source) / "porcupine.go").exists():
        raise Missing("the variable PORCUPINE does not name a folder with porcupine's source")
    folder = Path(tempfile.mkdtemp(prefix="simkit-porcupine-"))
    shutil.copy(PROGRAM, folder)
    (folder / "go.mod").write_text(MODULE.format(source=Path(source).resolve()))
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOMAXPROCS": "1"}
    subprocess.run(["go", "build", "-o", "peer", "."], cwd=folder, env=environment, check=True)
    data = json.dumps([_as_rows(each.name, each.operations) for each in given.histories])

    def run() -> Outcome:
        done = subprocess.run(
            [folder / "peer", str(given.repeat)],
            input=data,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(done.stdout)
        shutil.rmtree(folder)
        return Outcome(given.items, None, [int(each) for each in answer["verdicts"]], seconds=answer["seconds"])

    return run


def _as_rows(name: str, operations: tuple[Operation, ...]) -> dict[str, Any]:
    model = "etcd" if name.startswith("etcd") else "kv"
    return {"model": model, "operations": [_as_row(model, each) for each in operations]}


def _as_row(model: str, operation: Operation) -> list[Any]:
    key, value, expected = None, operation.input, None
    if operation.function == "cas":
        expected, value = operation.input
    elif model == "kv":
        key, value = (operation.input, None) if operation.function == "get" else operation.input
    end = -1 if operation.ended is None else operation.ended
    client = int(operation.process)
    return [client, operation.function, key, value, expected, operation.output, operation.began, end]
