"""Messages on the page: none is lost on the way from the trace, each has its cause, and too many are thinned."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from report_samples import failing
from report_traces import MS, S, with_senders, write_trace

from simkit.network import Batch, Values
from simkit.observe.document import Document
from simkit.report import messages as messages_module
from simkit.report.messages import Messages, messages_of, story_messages
from simkit.report.payload import read_message, read_stream
from simkit.report.spacetime import messages_section


@pytest.fixture(scope="module")
def document() -> Document:
    return with_senders(failing())


@pytest.fixture(scope="module")
def messages(document: Document, tmp_path_factory: pytest.TempPathFactory) -> Messages:
    return messages_of(document, write_trace(tmp_path_factory.mktemp("run") / "trace.bin"))


def words(messages: Messages, index: int) -> tuple[str, str, str, str]:
    columns = messages.columns
    return (
        messages.hosts[columns["source"][index]],
        messages.hosts[columns["target"][index]],
        messages.kinds[columns["kind"][index]],
        messages.outcomes[columns["outcome"][index]],
    )


def test_every_message_of_the_trace_is_there_in_order(messages: Messages) -> None:
    assert messages.total == len(messages.columns["time_ns"]) == 2 * 294 + 6 + 1
    assert messages.events_total == 294
    assert (np.diff(messages.columns["time_ns"]) >= 0).all()
    assert words(messages, 0) == ("broker", "workers-0", "queue.lease/1", "arrived")
    assert words(messages, 1) == ("workers-0", "broker", "queue.done/1", "arrived")
    assert messages.texts[messages.columns["text"][1]] == "task=task0000 attempt=1"
    assert sum(outcome != 0 for outcome in messages.columns["outcome"]) == 6


def test_a_reply_follows_from_its_request_however_late(messages: Messages) -> None:
    cause = messages.columns["cause"]
    answers = [index for index in range(messages.total) if words(messages, index)[2] == "queue.done/1"]
    for answer in answers:
        source, target, kind, _ = words(messages, int(cause[answer]))
        assert (source, target, kind) == ("broker", words(messages, answer)[0], "queue.lease/1")
        text = messages.columns["text"]
        assert messages.texts[text[answer]].startswith(messages.texts[text[cause[answer]]])


def test_a_message_never_follows_from_what_arrived_after_it_left(messages: Messages) -> None:
    columns = messages.columns
    known = columns["cause"] >= 0
    assert (columns["time_ns"][columns["cause"][known]] <= columns["sent_ns"][known]).all()
    assert (columns["target"][columns["cause"][known]] == columns["source"][known]).all()
    assert columns["cause"][0] == -1


def test_the_messages_of_the_story_are_found(document: Document, messages: Messages) -> None:
    [index] = story_messages(document, messages)
    assert words(messages, index)[:2] == ("workers-1", "broker")
    assert messages.columns["sent_ns"][index] == 300 * S


def test_of_too_many_messages_those_near_what_matters_are_kept(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_module, "MESSAGES_MAX", 400)
    found = messages_of(document, write_trace(tmp_path / "trace.bin", 11_000, every_ns=100 * MS))
    times_ns = found.columns["time_ns"]
    assert found.total > 20_000
    assert 390 <= len(times_ns) <= 410
    assert found.spread > 100
    assert story_messages(document, found) != []
    near = np.abs(times_ns - 390_311_000_000) < S
    assert near.sum() >= 15  # ten questions and ten answers a second, all around the violation
    assert times_ns.max() > 1_000 * S


def test_of_a_long_trace_only_some_chunks_are_read(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_module, "CHUNKS_MAX", 4)
    found = messages_of(document, write_trace(tmp_path / "trace.bin", 11_000, every_ns=100 * MS))
    assert found.unread > 10_000
    assert story_messages(document, found) != []
    assert "were not read" in messages_section(document, found)
    assert "every" not in messages_section(document, found).partition("</p>")[0]


def test_texts_end_where_the_room_does(document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages_module, "TEXT_BYTES_MAX", 2_000)
    found = messages_of(document, write_trace(tmp_path / "trace.bin"))
    assert sum(map(len, found.texts)) < 3_000
    assert (found.columns["text"] == -1).any()


def test_a_run_that_sent_nothing_has_no_messages(document: Document, tmp_path: Path) -> None:
    found = messages_of(document, write_trace(tmp_path / "trace.bin", 0))
    assert found.total == 1
    empty = msgspec.structs.replace(document, hosts=())
    assert messages_of(empty, write_trace(tmp_path / "trace.bin", 0)).total == 0


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n", "GET", "GET x"),
        (b"*3\r\n$7\r\nEVALSHA\r\n$40\r\n" + b"0a" * 20 + b"\r\n$1\r\n0\r\n", "EVALSHA lease", "EVALSHA lease 0"),
        (b"*2\r\n:1\r\n$-1\r\n", "reply", "1 null"),
        (b"+OK\r\n", "reply", "OK"),
        (b"$5\r\nhel", "reply", "hel"),
        (b"GET /tasks HTTP/1.1\r\nhost: x\r\n", "HTTP", "GET /tasks HTTP/1"),
        (b"\x00\x01\xff\xfe" * 30, "bytes", "0001fffe 0001fffe 0001fffe 0001fffe 0001fffe 0001fffe ..."),
        (b"", "bytes", ""),
    ],
)
def test_bytes_of_a_stream_are_read_as_what_they_are(data: bytes, kind: str, text: str) -> None:
    assert read_stream(data, {"0a" * 20: "lease"}) == (kind, text)


def test_a_message_that_was_cut_is_shown_as_far_as_it_goes() -> None:
    whole = msgspec.msgpack.encode({"@": "vote/1", "term": 3, "candidate": "n1"})
    assert read_message(whole) == "term=3 candidate=n1"
    assert "vote/1" in read_message(whole[:-3])
    assert read_message(b"\xc1") != ""


class Weights(Batch, tag="test.report.weights/1"):
    grams: Values


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 row: devices=0 grams=0"),
        (3, "3 rows: devices=0 1 2 grams=0 1.5 3"),
        (20, "20 rows: devices=0 1 2 3 4 5 ... grams=0 1.5 3 4.5 6 7.5 ..."),
        (70_000, "70,000 rows: devices=0 1 2 3 4 5 ..."),
    ],
)
def test_a_batch_is_read_by_its_first_rows(count: int, text: str) -> None:
    payload = Weights(np.arange(count), np.arange(count) * 1.5).encode()
    assert read_message(payload[:256]) == text
    for end in range(40, 256):
        assert read_message(payload[:end])
