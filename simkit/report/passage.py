"""One record of a trace read as people read it: who did it, to whom, of which kind, what it says.

Messages, datagrams and pieces of streams are passages from one host to another; everything else happens on one host or
to the world. The page's diagram, the comparison of two runs and the exports all read records here.

It deliberately keeps nothing: a passage is made of one record and forgotten.
"""

from collections.abc import Mapping
from typing import NamedTuple

from simkit.observe.trace import TraceRecord
from simkit.report.payload import read_datagram, read_message, read_stream
from simkit.report.words import plain


class Passage(NamedTuple):
    """A message, a datagram or a piece of a stream on its way.

    Attributes:
        kind: the message's tag, ``udp``, or what happened to a connection; "" for bytes of a stream.
        outcome: ``arrived``, or how it was lost.
        link: number of the request or of the connection, -1 where there is none.
        connection: whether `link` is that of a connection.
    """

    source: str
    target: str
    kind: str
    outcome: str
    link: int
    connection: bool


def passage_of(record: TraceRecord) -> Passage | None:
    """Return the passage that a record tells of, None for everything else."""
    detail = record.detail
    if record.kind == "message":
        outcome = "arrived" if detail[-1] == "delivered" else str(detail[-1])
        kind = str(detail[1])
        link = int(str(detail[2])) if kind != "udp" and detail[3] != "send" else -1
        return Passage(str(detail[0]), record.host, kind, outcome, link, False)
    if record.kind == "stream":
        bytes_of_stream = type(detail[2]) is int
        outcome = str(detail[3]) if bytes_of_stream and len(detail) > 3 else "arrived"
        kind = "" if bytes_of_stream else str(detail[2])
        return Passage(str(detail[0]), record.host, kind, outcome, int(str(detail[1])), True)
    return None


def payload_words(record: str, kind: str, head: bytes, meanings: Mapping[str, str]) -> tuple[str, str]:
    """Return the kind of a message, read from its bytes where it has none of its own, and what it says."""
    if record == "stream" and not kind:
        return read_stream(head, meanings) if head else ("bytes", "")
    if kind == "udp":
        return kind, read_datagram(head)
    return kind, read_message(head) if head else ""


def actor_and_words(record: TraceRecord, meanings: Mapping[str, str]) -> tuple[str, str]:
    """Return who a record is about (``a -> b`` for a passage) and what happened, each as one line."""
    passage = passage_of(record)
    if passage is not None:
        kind, text = payload_words(record.kind, passage.kind, record.payload_head, meanings)
        lost = "" if passage.outcome == "arrived" else f" ({passage.outcome})"
        return plain(f"{passage.source} -> {passage.target}"), plain(f"{kind} {_unless_said(kind, text)}{lost}".strip())
    words = " ".join(str(part) for part in record.detail)
    if record.kind == "event":
        return plain(record.host), plain(f"{words} {read_message(record.payload_head)}".strip())
    if record.kind == "fault":
        return "fault", plain(words)
    told = f" {read_message(record.payload_head)}" if record.kind == "history" and record.payload_head else ""
    return plain(record.host), plain(f"{record.kind} {words}{told}")


def _unless_said(kind: str, text: str) -> str:
    """Return a text without the kind that it begins with."""
    return text.removeprefix(kind).lstrip()
