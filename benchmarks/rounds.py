"""Alternating rounds of all contenders of a work, and what they come to: the median of the ratios within each round.

Every run has an interpreter of its own. Contenders take turns, every second round backwards, so that a machine that
becomes slower or faster meets all of them alike. A run that does something else than the first one of the same
contender did ends the measurement.

Nothing here says what is fast enough.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.work import Case, Contender, Work, WrongOutcome

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Row = dict[str, Any]
Say = Callable[[str], None]


def run_once(work: Work, case: Case, contender: Contender, size: str) -> Row:
    """Run one contender in a fresh interpreter; WrongOutcome with its last words if it fails."""
    if contender.core == "c" and find_spec("simkit.kernel.core._core") is None:
        return {"skipped": "simkit was installed without a C compiler"}
    command = [sys.executable, "-m", "benchmarks.single", work.name, case.name, contender.name, size]
    environment = os.environ | ENVIRONMENT | ({} if contender.core is None else {"SIMKIT_CORE": contender.core})
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongOutcome(f"{work.name}, {case.name}, {contender.name}:\n{done.stderr}")
    answer: Row = json.loads(done.stdout.splitlines()[-1])
    return answer


def rows_of(work: Work, *, rounds: int, size: str, only: Sequence[str] = (), say: Say = print) -> list[Row]:
    """Measure all cases of a work; one row for each contender, in the order of the work."""
    return [row for case in work.cases for row in _rows_of_case(work, case, rounds, size, only, say)]


def _rows_of_case(work: Work, case: Case, rounds: int, size: str, only: Sequence[str], say: Say) -> list[Row]:
    wanted = [c for c in work.contenders if not case.only or c.name in case.only]
    if only:
        wanted = [c for c in wanted if c.name in only or c.name == work.baseline]
    runs: dict[str, list[Row]] = {c.name: [] for c in wanted}
    skipped: dict[str, str] = {}
    for number in range(rounds):
        say(f"{work.name}, {case.name}: round {number + 1} of {rounds}")
        for contender in wanted if number % 2 == 0 else wanted[::-1]:
            if contender.name in skipped:
                continue
            run = run_once(work, case, contender, size)
            if "skipped" in run:
                skipped[contender.name] = run["skipped"]
                continue
            earlier = runs[contender.name]
            if earlier and (run["order"], run["items"]) != (earlier[0]["order"], earlier[0]["items"]):
                raise WrongOutcome(f"{work.name}, {case.name}: {contender.name} did not do the same thing twice")
            earlier.append(run)
    _require_twins(work, case, runs)
    return [_row(work, case, c, runs, skipped.get(c.name)) for c in wanted]


def _require_twins(work: Work, case: Case, runs: dict[str, list[Row]]) -> None:
    """Raise WrongOutcome unless both cores of ours did the same, in the same order."""
    for name, mine in runs.items():
        twin = runs.get(name.replace("simkit-c", "simkit-python", 1), [])
        if name.startswith("simkit-c") and mine and twin and mine[0]["order"] != twin[0]["order"]:
            raise WrongOutcome(f"{work.name}, {case.name}: the two cores of simkit did different things")


def _row(work: Work, case: Case, contender: Contender, runs: dict[str, list[Row]], skipped: str | None) -> Row:
    row: Row = {"work": work.name, "case": case.name, "contender": contender.name, "note": contender.note}
    row |= {"baseline": work.baseline, "ratio_to_simpy": None, "ratio": None, "min": None, "max": None}
    row |= {"per_second": None, "bytes_each": None, "rounds": len(runs[contender.name])}
    if skipped is not None:
        return row | {"skipped": skipped}
    # How good each run was: items per second, or items per byte.
    mine = [run["items"] / run["taken"] for run in runs[contender.name]]
    base = [run["items"] / run["taken"] for run in runs[work.baseline]]
    if base:  # a baseline that is not installed leaves rates without ratios
        ratios = [a / b for a, b in zip(mine, base, strict=True)]
        middle = round(statistics.median(ratios), 3)
        row |= {"ratio": middle, "min": round(min(ratios), 3), "max": round(max(ratios), 3)}
    if work.baseline == "simpy":
        row["ratio_to_simpy"] = row["ratio"]
    median = statistics.median(mine)
    if work.measure == "rate":
        row["per_second"] = round(median)
    else:
        row["bytes_each"] = round(1 / median)
    first = runs[contender.name][0]
    figures = {"figures": first["figures"]} if first["figures"] else {}
    return row | {"items": first["items"], "order": first["order"]} | figures
