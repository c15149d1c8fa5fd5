"""Exports: every message, event and operation of a trace arrives, values come back as they were, bytes are the same."""

import csv
import gzip
import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from simkit.cli import main
from simkit.export import formats as formats_module
from simkit.export.formats import Format, export, format_of
from simkit.export.perfetto import trace_events
from simkit.export.tables import COLUMNS
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace

S = 1_000_000_000
NASTY = 'a,"b"\n=1+1 \x1b[31m'


def tables(folder: Path) -> dict[str, list[dict[str, str]]]:
    found = {}
    for name in COLUMNS:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    return found


def test_csv_has_every_record_in_its_table(document: Document, trace: StoredTrace, tmp_path: Path) -> None:
    done = export(format_of("csv"), document, trace, tmp_path / "out")
    found = tables(tmp_path / "out")
    assert {name: len(rows) for name, rows in found.items()} == {
        "messages": 4,
        "events": 3,
        "operations": 2,
        "metrics": 3,
    }
    assert list(done.files.values()) == [4, 3, 2, 3]
    assert done.notes == []
    first, *_, last = found["messages"]
    assert (first["source"], first["target"], first["kind"], first["request"]) == ("a", "b", "ask/1", "1")
    assert first["text"] == 'what=a,"b" =1+1 \\x1b[31m'
    assert (last["kind"], last["connection"], last["request"]) == ("reply", "5", "")
    assert [row["outcome"] for row in found["messages"]] == ["arrived", "arrived", "blocked", "arrived"]


def test_an_operation_that_never_ended_is_open(document: Document, trace: StoredTrace, tmp_path: Path) -> None:
    export(format_of("csv"), document, trace, tmp_path / "out")
    done, open_ = tables(tmp_path / "out")["operations"]
    assert (done["outcome"], done["end_ns"], done["given"], done["output"]) == (
        "ok",
        str(S + 2_004),
        "key=k",
        "value=3",
    )
    assert (open_["outcome"], open_["end_ns"], open_["function"]) == ("open", "", "write")


def test_parquet_holds_the_same_values_typed(document: Document, trace: StoredTrace, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export(format_of("csv"), document, trace, tmp_path)
    export(format_of("parquet"), document, trace, tmp_path)
    for name, rows in tables(tmp_path).items():
        read = parquet.read_table(tmp_path / f"{name}.parquet").to_pylist()
        texts = [{key: "" if value is None else str(value) for key, value in row.items()} for row in read]
        assert texts == rows
    assert parquet.read_table(tmp_path / "messages.parquet").schema.field("time_ns").type == "int64"


def test_a_missing_library_names_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = Format("parquet", "", "no_such_library_of_ours:write", extra="export")
    monkeypatch.setattr(formats_module, "OWN", (missing,))
    with pytest.raises(ValueError, match=r"needs no_such_library_of_ours.*pip install 'simkit-dst\[export\]'"):
        format_of("parquet").load()


# -- the Trace Event Format: phases and their required fields as its document names them

REQUIRED = {
    "X": {"name", "cat", "ts", "dur", "pid", "tid"},
    "i": {"name", "ts", "pid", "tid", "s"},
    "C": {"name", "ts", "pid", "args"},
    "M": {"name", "pid", "args"},
    "b": {"name", "cat", "id", "ts", "pid", "tid"},
    "e": {"name", "cat", "id", "ts", "pid", "tid"},
}


@pytest.fixture
def events(document: Document, trace: StoredTrace, tmp_path: Path) -> list[dict[str, Any]]:
    export(format_of("perfetto"), document, trace, tmp_path / "out")
    data = gzip.decompress((tmp_path / "out/trace.json.gz").read_bytes())
    found: list[dict[str, Any]] = json.loads(data, parse_float=Decimal)["traceEvents"]
    return found


def test_every_event_has_the_fields_of_its_phase(events: list[dict[str, Any]]) -> None:
    assert {event["ph"] for event in events} == set(REQUIRED)
    for event in events:
        assert REQUIRED[event["ph"]] <= event.keys(), event


def test_an_arrow_leads_from_the_slice_of_sending_to_that_of_arrival(events: list[dict[str, Any]]) -> None:
    starts = {e["bind_id"]: e for e in events if e.get("flow_out")}
    ends = {e["bind_id"]: e for e in events if e.get("flow_in")}
    assert starts.keys() == ends.keys()
    assert len(starts) == 3  # the blocked one leads nowhere
    for number, start in starts.items():
        assert (start["name"], start["ph"]) == (ends[number]["name"], ends[number]["ph"])
    first = min(starts)
    assert ends[first]["ts"] - starts[first]["ts"] == Decimal("1.001")


def test_slices_of_one_track_never_overlap_in_part(events: list[dict[str, Any]]) -> None:
    tracks: dict[tuple[int, int], list[tuple[Decimal, Decimal]]] = {}
    for event in events:
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for track in tracks.values():
        track.sort()
        for (begin, end), (next_begin, next_end) in pairwise(track):
            assert next_begin >= end or (begin, end) == (next_begin, next_end)


def test_asynchronous_slices_begin_and_end_once(events: list[dict[str, Any]]) -> None:
    phases = Counter((event["id"], event["ph"]) for event in events if event["ph"] in "be")
    assert set(phases.values()) == {1}
    assert {number for number, _ in phases} == {"fault-0", "fault-1", "operation-1", "operation-2"}


def test_states_and_values_are_there(document: Document, trace: StoredTrace) -> None:
    events = list(trace_events(document, trace))
    states = [event["name"] for event in events if event.get("cat") == "state"]
    assert states == ["up", "up", "down", "up"]
    assert [event["args"] for event in events if event["ph"] == "C"] == [{"tasks": 0.5}, {"tasks": 2.0}]


def test_the_same_run_gives_the_same_bytes(document: Document, trace: StoredTrace, tmp_path: Path) -> None:
    for name in ("perfetto", "csv"):
        first = export(format_of(name), document, trace, tmp_path / "one")
        second = export(format_of(name), document, trace, tmp_path / "two")
        for one, other in zip(first.files, second.files, strict=True):
            assert one.read_bytes() == other.read_bytes()


def test_without_a_trace_what_is_known_is_written_and_the_rest_is_said(document: Document, tmp_path: Path) -> None:
    for name in ("perfetto", "csv"):
        done = export(format_of(name), document, None, tmp_path)
        assert done.notes == ["the run kept no trace: only what its document knows was written"]
    assert len(tables(tmp_path)["metrics"]) == 3


def test_the_command_names_the_files_and_the_nearest_format(
    document: Document, trace: StoredTrace, tmp_path: Path
) -> None:
    document.write(tmp_path / "run.json")
    done = CliRunner().invoke(main, ["export", str(tmp_path), "--format", "csv", "--into", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'out/messages.csv'}   4 records\n" in done.stdout
    wrong = CliRunner().invoke(main, ["export", str(tmp_path), "--format", "perfeto"])
    assert wrong.exit_code == 2
    assert "nearest: `perfetto`; there are perfetto, csv, svg, parquet" in wrong.stderr


def test_every_figure_is_a_file_for_slides_and_the_same_bytes_again(document: Document, tmp_path: Path) -> None:
    from simkit.observe.picture import Picture

    shown = msgspec.structs.replace(
        document, pictures=(Picture(name="attempts", title="Attempts", bars=(("1", 2.0),)),)
    )
    done = export(format_of("svg"), shown, None, tmp_path)
    assert tmp_path / "figure-attempts.svg" in done.files
    texts = {path: path.read_text(encoding="utf-8") for path in done.files}
    for text in texts.values():
        assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<svg ')
    export(format_of("svg"), shown, None, tmp_path)
    assert {path: path.read_text(encoding="utf-8") for path in done.files} == texts
