"""The last messages that arrived at each host, kept while a run goes on, to say what brought a violation about.

A message orders what its sender did before what its receiver does after (Lamport, "Time, Clocks, and the Ordering of
Events", CACM 1978). Of the many that arrived before a moment, the one that matters names the same object, or arrived
at that very moment: nothing else can have woken a host that was waiting.

It deliberately keeps a window, not the run: a violation is explained when it is found, from what has just happened.
"""

import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from typing import NamedTuple

from simkit.kernel.records import Record, Records

KEPT_PER_HOST = 4_096
"""Arrivals remembered of each host."""

PAYLOAD_BYTES = 512
"""Bytes of each arrival in which names are looked for."""

HELD_NS = 1_000_000_000
"""How long a host may take to act on a message, before what has just arrived is the likelier cause."""

_WORD = re.compile(r"[A-Za-z0-9_.:,%-]+")
_QUANTITY = re.compile(r"[0-9.,]{1,7}(?:ns|us|ms|s|min|h|d|x|%|B|[kKMGT]i?B)?|[0-9]+(?:[:.][0-9]+)+")


class Arrival(NamedTuple):
    """A message, or bytes of a stream, that reached a process.

    Attributes:
        sent_ns, time_ns: when it left and when it arrived.
        source: who sent it.
        label: the tag of a message, ``udp``, or ``bytes`` of a stream.
        payload: its first bytes.
    """

    time_ns: int
    sent_ns: int
    source: str
    label: str
    payload: bytes


class Arrivals:
    """Watches one world; the newest arrivals of every host."""

    def __init__(self, records: Records, *, kept: int = KEPT_PER_HOST) -> None:
        self._of: dict[str, deque[Arrival]] = defaultdict(lambda: deque(maxlen=kept))
        records.subscribe(("message", "stream"), self._arrived)

    def _arrived(self, record: Record) -> None:
        sent_ns = record.value
        # What was lost has an outcome in its detail; what is no message (a reset) has no time of sending.
        if type(sent_ns) is int and (record.payload or record.kind == "message"):
            detail = record.detail
            if detail[-1] == "delivered" or type(detail[-1]) is int:
                label = str(detail[1]) if record.kind == "message" else "bytes"
                found = Arrival(record.time_ns, sent_ns, str(detail[0]), label, record.payload[:PAYLOAD_BYTES])
                self._of[record.host].append(found)

    def before(self, host: str, time_ns: int, names: Collection[bytes], *, after_ns: int = -1) -> Arrival | None:
        """Return what made a host act at a moment, None where nothing that is remembered can have.

        Args:
            host, time_ns: who acted, and when.
            names: of the objects that it acted on; see `names_in`.
            after_ns: arrivals before this moment are told already.

        What names an object and arrived more than `HELD_NS` before does not go before what arrived at that moment.
        """
        if host not in self._of:
            return None
        awaited: Arrival | None = None
        for arrival in reversed(self._of[host]):
            if arrival.time_ns > time_ns:
                continue
            if arrival.time_ns < after_ns:
                break
            if awaited is not None and arrival.time_ns < time_ns - HELD_NS:
                break
            if any(_names(arrival.payload, name) for name in names):
                return arrival
            if arrival.time_ns == time_ns and awaited is None:
                awaited = arrival
        return awaited


def names_in(text: str, known: Iterable[str] = ()) -> frozenset[bytes]:
    """Return the words of a text that may be names of objects: those with a digit, without hosts and times."""
    hosts = frozenset(known)
    words = [word.strip(".:,-") for word in _WORD.findall(text)]
    return frozenset(word.encode() for word in words if word not in hosts and _is_name(word))


def _is_name(word: str) -> bool:
    """Whether a word has a digit and is neither a quantity nor a time."""
    return any(character.isdigit() for character in word) and not _QUANTITY.fullmatch(word)


def _names(payload: bytes, name: bytes) -> bool:
    """Whether a payload has a name in it as a word of its own."""
    place = payload.find(name)
    while place >= 0:
        end = place + len(name)
        if not payload[place - 1 : place].isalnum() and not payload[end : end + 1].isalnum():
            return True
        place = payload.find(name, place + 1)
    return False
