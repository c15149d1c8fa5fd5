"""The timestamp cache of a range: when each key was last read, so that nobody writes below a read.

A write at or below a read by somebody else has to move above it; that is what makes an order of timestamps a serial
order (the SSI of Taft et al. 2020, section 3.3). What is forgotten is remembered as read, by everybody, at the low
water: forgetting may move a write for nothing but never lets one through.

It deliberately lives in memory only: a new leaseholder begins with a low water above all reads of the one before.
"""

from __future__ import annotations

POINTS_MAX = 4096
SPANS_MAX = 96
NOBODY = 0
"""The reader of a timestamp that two transactions have read at: it is somebody else to everyone."""

Reading = tuple[int, int]
"""A timestamp, and the only transaction that read then (`NOBODY` if there were several)."""


class TimestampCache:
    """When keys were read.

    Args:
        low_water: every key counts as read then.

    Attributes:
        highest: nothing was read later.
    """

    __slots__ = ("_older", "_points", "_spans", "highest", "low_water")

    def __init__(self, low_water: int) -> None:
        self.low_water = self.highest = low_water
        self._points: dict[bytes, Reading] = {}
        self._older: dict[bytes, Reading] = {}
        self._spans: list[tuple[bytes, bytes, int, int]] = []

    def read(self, key: bytes, timestamp: int, transaction_id: int) -> None:
        """A transaction (`NOBODY`: none, or one that must not be excepted) has read a key."""
        if timestamp > self.highest:
            self.highest = timestamp
        known = self._points.get(key)
        if known is None:
            known = self._older.get(key)
            if len(self._points) >= POINTS_MAX:
                self.low_water = max(self.low_water, max((each[0] for each in self._older.values()), default=0))
                self._older, self._points = self._points, {}
        self._points[key] = _later(known, timestamp, transaction_id)

    def read_span(self, begin: bytes, end: bytes, timestamp: int, transaction_id: int) -> None:
        """A transaction has read begin <= key < end."""
        if timestamp > self.highest:
            self.highest = timestamp
        spans = self._spans
        for place, (from_, to, at, by) in enumerate(spans):
            if from_ == begin and to == end:
                spans[place] = (begin, end, *_later((at, by), timestamp, transaction_id))
                return
        spans.append((begin, end, timestamp, transaction_id))
        if len(spans) > SPANS_MAX:
            spans.sort(key=lambda span: span[2])
            half = len(spans) // 2
            self.low_water = max(self.low_water, spans[half - 1][2])
            del spans[:half]

    def latest(self, key: bytes, transaction_id: int) -> int:
        """Return when somebody else than this transaction last read a key, at the latest."""
        latest = self.low_water
        for reading in (self._points.get(key), self._older.get(key)):
            if reading is not None and reading[0] > latest and (reading[1] != transaction_id or reading[1] == NOBODY):
                latest = reading[0]
        for begin, end, at, by in self._spans:
            if at > latest and begin <= key < end and (by != transaction_id or by == NOBODY):
                latest = at
        return latest


def _later(known: Reading | None, timestamp: int, transaction_id: int) -> Reading:
    if known is None or known[0] < timestamp:
        return timestamp, transaction_id
    if known[0] == timestamp and known[1] != transaction_id:
        return timestamp, NOBODY
    return known
