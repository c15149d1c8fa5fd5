"""The command, as a user types it: what it prints, what it leaves behind, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simkit.kernel import core

HERE = Path(__file__).parent / "explore"
SYSTEM = ("--system", "greetings:card")

GOOD = f"""\
greetings · seed 7 · 4 hosts · 1 min virtual · core {core.name}
           0              15             30             45           60 s
server     ####################.....###################################   # up  . down
clients    333333333333333333333333333333333333333333333333333333333333   (digit: how many are up)
faults     ....................kkkkk.....ppppp.........................   k loss   p cut
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("greetings.py", "greetings.yaml"):
        (tmp_path / name).write_text((HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def simkit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simkit", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_bare_simkit_says_what_to_try(folder: Path) -> None:
    done = simkit(folder)
    assert done.returncode == 0
    assert done.stdout.count("  simkit ") == 3


def test_a_good_run_says_so_in_a_picture_and_leaves_a_folder(folder: Path) -> None:
    done = simkit(folder, "run", "greetings.yaml", *SYSTEM)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(GOOD)
    lines = done.stdout.splitlines()
    assert lines[-2].startswith("PASS  3 of 3 · ")
    again = "simkit run runs/greetings-7 --system greetings:card"
    assert lines[-1] == f"report   runs/greetings-7/report.html      again   {again}"
    assert (folder / "runs/greetings-7/report.html").stat().st_size > 10_000


def test_a_run_folder_runs_again_and_reaches_its_digest(folder: Path) -> None:
    simkit(folder, "run", "greetings.yaml", "--no-report", *SYSTEM)
    again = simkit(folder, "run", "runs/greetings-7", *SYSTEM)
    assert again.returncode == 0
    assert again.stdout.endswith("again    runs/greetings-7 reached its digest\n")
    text = (folder / "runs/greetings-7/run.json").read_text(encoding="utf-8")
    digest = json.loads(text)["digest"]
    (folder / "runs/greetings-7/run.json").write_text(text.replace(digest, "0" * 32), encoding="utf-8")
    forgotten = simkit(folder, "run", "runs/greetings-7")
    assert forgotten.returncode == 2
    assert "unknown system `greetings`" in forgotten.stderr
    assert "--system MODULE:CARD" in forgotten.stderr
    tampered = simkit(folder, "run", "runs/greetings-7", *SYSTEM)
    assert tampered.returncode == 1
    assert "this run has" in tampered.stdout


def test_json_is_one_document_and_nothing_else(folder: Path) -> None:
    done = simkit(folder, "run", "greetings.yaml", "--json", "--no-report", *SYSTEM)
    found = json.loads(done.stdout)
    assert found["verdict"] == "pass"
    assert {
        "scenario",
        "seed",
        "digest",
        "expectations",
        "virtual_seconds",
        "wall_seconds",
        "events",
        "run_dir",
    } <= set(found)
    many = json.loads(simkit(folder, "run", "greetings.yaml", "--json", "--seeds", "3", *SYSTEM).stdout)
    assert [run["seed"] for run in many["runs"]] == [7, 8, 9]


def test_variants_come_as_a_table(folder: Path) -> None:
    done = simkit(folder, "run", "greetings.yaml", "--variants", *SYSTEM)
    assert done.returncode == 0
    assert "forgetful" in done.stdout
    assert "2 runs: 1 pass, 1 fail · all as declared" in done.stdout
    assert "answers_fit                pass        fails" in done.stdout
    assert "report  runs/greetings-variants.html" in done.stdout
    assert "2 variants side by side" in (folder / "runs/greetings-variants.html").read_text(encoding="utf-8")


def test_branches_come_as_a_table_and_one_of_them_as_a_run(folder: Path) -> None:
    done = simkit(folder, "run", "greetings.yaml", "--branch-at", "22s", "--branches", "2", *SYSTEM)
    assert done.returncode == 0, done.stderr
    first, second = (line.split() for line in done.stdout.splitlines()[1:3])
    assert (first[:2], second[0]) == (["greetings", "7/1"], "7/2")
    assert "2 runs: 2 pass" in done.stdout
    one = simkit(folder, "run", "greetings.yaml", "--branch-at", "22s", "--branch", "2", *SYSTEM)
    assert one.stdout.startswith("greetings · seed 7, branch 2 from 22 s on · ")
    assert " ".join(second[4:7]) in one.stdout
    again = simkit(folder, "run", "runs/greetings-7-branch-2", *SYSTEM)
    assert again.stdout.endswith("again    runs/greetings-7-branch-2 reached its digest\n")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--branches", "2"], "--branch-at says from where on"),
        (["--branch-at", "22s"], "--branches how many or --branch which one"),
        (["--branch-at", "22s", "--branches", "2", "--seeds", "3"], "branches are of one run"),
        (["--branch-at", "2h", "--branch", "2"], "must be within the run, which takes 1min, found 2h"),
        (["--branch-at", "22 sec", "--branch", "2"], "--branch-at: unknown unit `sec`"),
    ],
)
def test_branches_that_make_no_sense_are_refused(folder: Path, options: list[str], text: str) -> None:
    done = simkit(folder, "run", "greetings.yaml", *options, *SYSTEM)
    assert done.returncode == 2
    assert text in done.stderr


def test_a_sweep_comes_as_a_table_as_data_and_as_a_picture(folder: Path) -> None:
    file = folder / "greetings.yaml"
    sweep = "sweep: {vary: {load.hello.rate: [5/s total, 10/s total]}, seeds: 2}\n"
    file.write_text(file.read_text(encoding="utf-8") + sweep, encoding="utf-8")
    done = simkit(folder, "run", "greetings.yaml", "--sweep", "--picture", "a.svg", *SYSTEM)
    assert done.returncode == 0
    assert "sweep of greetings\nhello.rate  as declared  greeting.latency p99 < 1s\n5/s total   2 of 2" in done.stdout
    assert (folder / "a.svg").is_file()
    told = json.loads(simkit(folder, "run", "greetings.yaml", "--sweep", "--json", *SYSTEM).stdout)
    assert [point["as_declared"] for point in told["sweeps"][0]["points"]] == [2, 2]
    refused = simkit(folder, "run", "greetings.yaml", "--picture", "a.svg", *SYSTEM)
    assert refused.returncode == 2
    assert "--picture goes with --sweep" in refused.stderr


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        (['expect=["fails answers_fit"]'], 1),
        (["config.server.forget=true"], 1),
        (["limits.events=100"], 3),
        (["config.client.rude_at=2"], 4),
        (["faults.loss.kill=sever"], 2),
    ],
)
def test_the_exit_code_says_how_it_ended(folder: Path, overrides: list[str], code: int) -> None:
    options = [word for override in overrides for word in ("--set", override)]
    done = simkit(folder, "run", "greetings.yaml", "--no-report", *options, *SYSTEM)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_slip_of_the_pen_is_one_line_with_the_right_spelling(folder: Path) -> None:
    file = folder / "greetings.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("kill: server", "kill: sever"), encoding="utf-8")
    done = simkit(folder, "run", "greetings.yaml", *SYSTEM)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "greetings.yaml:13:16: unknown target `sever`; nearest: `server` (1 host). Nothing was run.\n"
    assert not (folder / "runs").exists()


def test_twice_says_that_both_were_the_same(folder: Path) -> None:
    done = simkit(folder, "run", "greetings.yaml", "--twice", *SYSTEM)
    assert done.returncode == 0
    assert "the same twice" in done.stdout


def test_twice_names_the_first_event_that_differs(folder: Path) -> None:
    file = folder / "greetings.py"
    # What a careless author does: the address of an object in a message.
    text = file.read_text(encoding="utf-8").replace("Greeting(number)", "Greeting(number + id(object()) // 16 % 1000)")
    file.write_text(text, encoding="utf-8")
    done = simkit(folder, "run", "greetings.yaml", "--twice", *SYSTEM)
    assert done.returncode == 1
    assert "NOT the same twice" in done.stdout
    assert "is the first that differs" in done.stdout


def test_check_shows_who_where_and_when(folder: Path) -> None:
    done = simkit(folder, "check", "greetings.yaml", *SYSTEM)
    assert done.returncode == 0
    assert "00:20.000  loss  kill server for 5 s" in done.stdout
    schema = json.loads(simkit(folder, "check", "--schema", *SYSTEM).stdout)
    assert "$schema" in schema


def test_check_draws_and_tells_what_outlasts_the_run(folder: Path) -> None:
    done = simkit(folder, "check", "greetings.yaml", "--set", "faults.cut.at=58s", "--picture", "a.png", *SYSTEM)
    assert done.returncode == 0
    assert "cut still holds when the run ends: `eventually` is then unknown" in done.stdout
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(simkit(folder, "check", "greetings.yaml", "--json", *SYSTEM).stdout)
    assert [row["outlasts"] for row in told["timelines"]["greetings"]] == [False, False]


def test_check_warns_of_a_scenario_that_cannot_fail(folder: Path) -> None:
    file = folder / "greetings.yaml"
    head, _, _ = file.read_text(encoding="utf-8").partition("expect:")
    for name, text in (("none.yaml", head), ("empty.yaml", head + "expect: []\n")):
        (folder / name).write_text(text, encoding="utf-8")
        done = simkit(folder, "check", name, *SYSTEM)
        assert done.returncode == 0
        assert done.stderr == f"warning: {name}: nothing is expected, so it cannot fail; write `expect:`\n"
    told = json.loads(simkit(folder, "check", "greetings.yaml", "empty.yaml", "--json", *SYSTEM).stdout)
    assert len(told["warnings"]) == 1


def test_list_knows_systems_scenarios_and_faults(folder: Path) -> None:
    found = json.loads(simkit(folder, "list", "--json").stdout)
    slow = [row[0] for row in found["scenarios"] if "slow_is" in row[0]]
    assert slow == ["lessons/slow_is_not_dead", "task_queue/slow_is_not_dead"]
    assert "pause" in {row[0] for row in found["faults"]}
    assert "  -- Faults of clocks\n  clock_drift " in simkit(folder, "list").stdout
    told = json.loads(simkit(folder, "list", "task_queue", "--json").stdout)
    assert ["mean wait, M/M/8", "0.63532 s ±4%"] in [row[:2] for row in told["figures"]]
    assert ["slots", "default 4", "Tasks that run at the same time"] in told["config.worker"]
    unknown = simkit(folder, "list", "pauze")
    assert unknown.returncode == 2
    assert "`pause`" in unknown.stderr


def test_list_is_read_whatever_its_longest_title(folder: Path) -> None:
    lines = simkit(folder, "list").stdout.splitlines()
    assert max(map(len, lines)) <= 118
    assert any(line.strip() == "variants: no_token" for line in lines)
    assert not any(len(line.strip()) == 1 for line in lines)


def test_new_scenario_copies_one_and_overwrites_nothing(folder: Path) -> None:
    assert simkit(folder, "new", "scenario", "mine.yaml").returncode == 0
    assert simkit(folder, "check", "mine.yaml").returncode == 0
    before = (folder / "mine.yaml").read_text(encoding="utf-8")
    assert simkit(folder, "new", "scenario", "mine.yaml", "--from", "task_queue/steady").returncode == 2
    assert (folder / "mine.yaml").read_text(encoding="utf-8") == before


def test_open_without_a_run_says_what_to_do(folder: Path) -> None:
    done = simkit(folder, "open")
    assert done.returncode == 2
    assert "no run in runs/ yet" in done.stderr


def test_interrupting_keeps_what_was_measured(folder: Path) -> None:
    words = ["run", "greetings.yaml", "--set", "duration=30h", "--set", "load.hello.until=30h", *SYSTEM]
    process = subprocess.Popen(
        [sys.executable, "-m", "simkit", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # The run is under way, and Ctrl-C no longer ends a program that is still starting, once its trace holds records.
    deadline = time.monotonic() + 100
    while not any(trace.stat().st_size > 1_000 for trace in folder.glob("runs/*/trace.bin")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run never wrote a record"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "greeting.answered" in output
    assert "Traceback" not in errors
    [run] = (folder / "runs").glob("*/run.json")
    assert json.loads(run.read_text(encoding="utf-8"))["verdict"] == "unknown"
