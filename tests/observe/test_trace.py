"""Traces: what was written is read back, and the first difference between two runs is found."""

from pathlib import Path

import pytest

from simkit.kernel.world import World
from simkit.observe import trace as trace_module
from simkit.observe.trace import Policy, StoredTrace, Trace, TraceRecord, first_difference


def write(path: Path | None, count: int, *, odd: int | None = None, policy: Policy = "head", **options: int) -> Trace:
    """Trace `count` messages; message number `odd` has another last byte, far behind the payload's head."""
    world = World(seed=1)
    trace = Trace(world.records, path, policy=policy, **options)
    for number in range(count):
        world.now_ns = number * 1_000
        payload = b"head" * 100 + bytes([number % 7 if number != odd else 255])
        world.records.write("message", f"workers-{number % 3}", "broker", number, 0.5, None, True, payload=payload)
    trace.close()
    world.close()
    return trace


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_module, "CHUNK_RECORDS", 16)


def test_records_are_read_back(tmp_path: Path) -> None:
    write(tmp_path / "trace", 100)
    stored = StoredTrace(tmp_path / "trace")
    assert stored.count == 100
    assert [index for index, _ in stored.records(30, 50)] == list(range(30, 50))
    record = stored.record(42)
    assert record is not None
    assert record[:4] == (42_000, "message", "workers-0", ("broker", 42, 0.5, None, True))
    assert (record.payload_length, record.payload_head) == (401, b"head" * 64)
    assert stored.record(100) is None


@pytest.mark.parametrize(("policy", "kept"), [("none", 0), ("hash", 0), ("head", 256), ("full", 401)])
def test_the_policy_decides_how_much_of_a_payload_is_kept(tmp_path: Path, policy: Policy, kept: int) -> None:
    write(tmp_path / "trace", 1, policy=policy)
    record = StoredTrace(tmp_path / "trace").record(0)
    assert record is not None
    assert len(record.payload_head) == kept
    assert (record.payload_hash != 0) == (policy != "none")


def test_equal_runs_have_no_difference(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", 50), write(tmp_path / "b", 50)
    assert first_difference(first, second) is None
    assert first_difference(StoredTrace(tmp_path / "a"), second) is None


def test_the_first_difference_names_the_record_also_behind_the_head(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", 80), write(tmp_path / "b", 80, odd=37)
    difference = first_difference(first, second)
    assert difference is not None
    assert difference.position == 37
    words = difference.in_words().splitlines()
    assert words[0] == "record 37 is the first that differs"
    assert words[1].startswith(
        "  one run    00:00.000037000 message workers-1 broker 37 0.5 None True · 401 bytes, hash"
    )
    assert words[1] != words[2].replace("the other", "one run  ")


def test_a_run_that_ends_early_differs_where_it_ends(tmp_path: Path) -> None:
    difference = first_difference(write(tmp_path / "a", 20), write(tmp_path / "b", 25))
    assert difference is not None
    assert (difference.position, difference.first) == (20, None)
    assert "one run    (has ended)" in difference.in_words()


def test_hashes_alone_give_the_position() -> None:
    difference = first_difference(write(None, 20), write(None, 20, odd=11))
    assert difference is not None
    assert difference.position == 11
    assert "(was not kept)" in difference.in_words()


def test_the_middle_of_a_long_run_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_module, "TAIL_CHUNKS", 2)
    trace = write(tmp_path / "a", 160, bytes_max=1_000)
    stored = StoredTrace(tmp_path / "a")
    kept = [index for index, _ in stored.records()]
    assert stored.count == 160
    assert kept[0] == 0
    assert kept[-1] == 159
    assert len(kept) + trace.left_out == 160
    assert trace.left_out > 0
    missing = next(index for index in range(160) if index not in kept)
    assert stored.record(missing) is None
    assert first_difference(stored, StoredTrace(tmp_path / "a")) is None


def test_a_trace_that_was_cut_reads_up_to_the_cut(tmp_path: Path) -> None:
    write(tmp_path / "a", 100)
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    assert 0 < StoredTrace(tmp_path / "a").count < 100


def test_another_file_is_not_a_trace(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"something else")
    with pytest.raises(ValueError, match="is not a trace"):
        StoredTrace(tmp_path / "a")


def test_a_record_reads_as_one_line() -> None:
    record = TraceRecord(61_000_000_001, "host", "broker", ("power_cut",), 0, 0, b"")
    assert record.in_words() == "01:01.000000001 host broker power_cut"
