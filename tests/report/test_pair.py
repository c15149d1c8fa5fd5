"""Two run folders compared: the first record, the first deed, settings and verdicts that differ; clear errors."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from report_traces import S, write_trace

from simkit.cli import main
from simkit.kernel.records import Records
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace, Trace
from simkit.report.course import first_parting
from simkit.report.diff_page import diff_page
from simkit.report.diff_text import as_json, diff_text
from simkit.report.pair import Pair, read_pair

Told = tuple[int, str, str, tuple[Any, ...], bytes]


def run_folder(
    folder: Path, document: Document, *, rounds: int | None = 300, changes: tuple[str, ...] = (), **fields: Any
) -> Path:
    folder.mkdir()
    document = msgspec.structs.replace(document, changes=changes, **fields)
    document.write(folder / "run.json")
    if rounds is not None:
        write_trace(folder / "trace.bin", rounds)
    return folder


def trace_of(path: Path, told: list[Told]) -> StoredTrace:
    world: Any = SimpleNamespace(now_ns=0)
    records = Records(world)
    trace = Trace(records, path)
    for time_ns, kind, host, detail, payload in told:
        world.now_ns = time_ns
        records.write(kind, host, *detail, payload=payload)
    trace.close()
    return StoredTrace(path)


def deed(second: float, host: str, word: str, payload: bytes = b"") -> Told:
    return int(second * S), "event", host, (word,), payload


@pytest.fixture
def pair(tmp_path: Path, passing: Document, failing: Document) -> Pair:
    one = run_folder(tmp_path / "one", passing, changes=("config.worker.lease_token=true",), digest="ab" * 16)
    other = run_folder(
        tmp_path / "other", failing, rounds=290, changes=("config.worker.lease_token=false",), digest="cd" * 16
    )
    return read_pair(one, other)


def test_where_one_run_ends_they_part(pair: Pair) -> None:
    assert pair.bytes_part is not None
    assert pair.bytes_part.second is None
    assert pair.course is not None
    assert (pair.course.host, pair.course.second) == ("broker", ())
    assert "+ (nothing more)" in diff_text(pair)


def test_settings_and_verdicts_that_differ_are_told(pair: Pair) -> None:
    assert pair.settings() == [("config.worker.lease_token", "true", "false")]
    differing = [(each.subject, *each.words) for each in pair.expectations() if each.differs]
    assert ("effect_once", "pass", "fail") in differing
    text = diff_text(pair, page="diff.html")
    assert "set    config.worker.lease_token: true -> false\n" in text
    assert f"verdicts differ in {len(differing)} of {len(pair.expectations())}\n" in text
    assert text.endswith("side by side   diff.html\n")


def test_settings_come_from_the_scenarios_where_both_folders_have_them(pair: Pair) -> None:
    for side, lease in ((pair.first, "60s"), (pair.second, "90s")):
        text = f"title: x\nconfig:\n  worker: {{lease: {lease}, slots: 4}}\n"
        (side.folder / "scenario.yaml").write_text(text, encoding="utf-8")
    again = read_pair(pair.first.folder, pair.second.folder)
    assert again.settings() == [("config.worker.lease", "60s", "90s")]


def test_a_shifted_moment_or_another_byte_is_no_other_course(tmp_path: Path) -> None:
    one = trace_of(tmp_path / "a", [deed(1, "a", "leased", b"1"), deed(2, "b", "done"), deed(3, "a", "ended")])
    other = trace_of(tmp_path / "b", [deed(1, "a", "leased", b"2"), deed(2.1, "b", "done"), deed(3.1, "a", "ended")])
    assert first_parting(one, other, 0) is None


def test_hosts_may_take_turns_otherwise(tmp_path: Path) -> None:
    one = trace_of(tmp_path / "a", [deed(1, "a", "leased"), deed(1.01, "b", "done")])
    other = trace_of(tmp_path / "b", [deed(1, "b", "done"), deed(1.01, "a", "leased")])
    assert first_parting(one, other, 0) is None


def test_the_first_other_deed_of_any_host_is_found(tmp_path: Path) -> None:
    same = [deed(1, "a", "leased"), deed(2, "b", "done")]
    late = [deed(9, "b", "ended"), deed(20, "a", "ended")]
    one = trace_of(tmp_path / "a", [*same, deed(5, "a", "applied"), *late])
    other = trace_of(tmp_path / "b", [*same, deed(5.2, "a", "refused"), deed(6, "b", "asked"), *late])
    course = first_parting(one, other, 2)
    assert course is not None
    assert (course.host, course.time_ns) == ("a", 5 * S)
    assert [deeds[0].detail for deeds in (course.first, course.second)] == [("applied",), ("refused",)]


def test_without_a_trace_the_verdicts_are_compared_and_the_rest_is_said_to_be_unknown(
    tmp_path: Path, passing: Document, failing: Document
) -> None:
    one = run_folder(tmp_path / "one", passing, rounds=None)
    other = run_folder(tmp_path / "other", failing, rounds=300)
    pair = read_pair(one, other)
    assert pair.bytes_part is pair.course is None
    assert f"no trace in {one}: the first event that differs is not known" in diff_text(pair)
    assert as_json(pair)["course_parts"] is None
    assert "is not known" in diff_page(pair, other / "diff.html")


def test_the_page_shows_both_and_runs_no_script(pair: Pair) -> None:
    page = diff_page(pair, pair.second.folder / "diff.html")
    assert "<script" not in page
    assert page.count('class="parted course"') == 2
    assert page.count('<svg class="near"') == 2
    assert "effect_once passes in A and fails in B" in page


def test_hostile_words_are_escaped(tmp_path: Path, passing: Document) -> None:
    one = run_folder(tmp_path / "one", passing, changes=("<script>=1",))
    other = run_folder(tmp_path / "other", passing, changes=("<script>=<b>\x1b[31m",), title="<img src=x>")
    pair = read_pair(one, other)
    page = diff_page(pair, other / "diff.html")
    assert "<script>" not in page
    assert "<b>\\" not in page
    assert "\x1b" not in diff_text(pair)


def test_the_command_tells_writes_and_ends_with_one(pair: Pair) -> None:
    folders = [str(side.folder) for side in (pair.first, pair.second)]
    done = CliRunner().invoke(main, ["diff", *folders, "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["equal"] is False
    assert told["course_parts"]["host"] == "broker"
    assert Path(told["page"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    same = CliRunner().invoke(main, ["diff", folders[0], folders[0], "--no-page"])
    assert same.exit_code == 0
    assert "the same run, byte for byte" in same.stdout


def test_what_cannot_be_compared_says_why(tmp_path: Path, pair: Pair, passing: Document) -> None:
    good = str(pair.first.folder)
    strange = run_folder(tmp_path / "strange", passing, system="another", rounds=None)
    newer = run_folder(tmp_path / "newer", passing, format=99, rounds=None)
    for folder, words in (
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path, "has no run.json; there are runs in it: "),
        (newer, "has format 99"),
        (strange, "two systems have nothing to compare"),
    ):
        done = CliRunner().invoke(main, ["diff", good, str(folder)])
        assert done.exit_code == 2
        assert words in done.stderr
        assert not (folder / "diff.html").exists()


def test_a_damaged_trace_is_bad_input(pair: Pair) -> None:
    path = pair.second.folder / "trace.bin"
    data = bytearray(path.read_bytes())
    data[-200:-100] = bytes(100)
    path.write_bytes(data)
    done = CliRunner().invoke(main, ["diff", str(pair.first.folder), str(pair.second.folder)])
    assert done.exit_code == 2
    assert "is damaged from record" in done.stderr
