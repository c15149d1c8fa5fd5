"""What a change feed promises: nothing acknowledged is left out, and the versions of a key come in their order.

Changes may come twice. It deliberately looks at keys of YCSB and at new keys, whose values are all different.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from simkit.checks import HistoryCheck, Step, sees
from simkit.observe.history import Operation
from simkit_nodes.database.change_feed.feeder import VALUE_CHARACTERS, ChangeTold, FeedAsked, FeedResolved


class ChangeFeed(HistoryCheck):
    """Every write acknowledged before a feed asked is told when that is resolved, and each key's writes in order."""

    name = "change_feed"
    functions: ClassVar[tuple[str, ...]] = ("insert", "put")

    def __init__(self) -> None:
        super().__init__()
        self._asked_ns: dict[int, int] = {}
        self._resolved: list[tuple[int, int, str]] = []  # when was asked, when all of that had been told, by whom
        self._told_ns: dict[tuple[str, str], int] = {}
        self._seen: set[tuple[str, int]] = set()
        self._newest: dict[str, int] = {}
        self.told = self.repeated = self.late = self.missing = 0

    @sees(FeedAsked)
    def _asked(self, time_ns: int, host: str, event: FeedAsked) -> None:
        self._asked_ns[event.timestamp] = time_ns

    @sees(FeedResolved)
    def _is_resolved(self, time_ns: int, host: str, event: FeedResolved) -> None:
        self._resolved.append((self._asked_ns[event.timestamp], time_ns, host))

    @sees(ChangeTold)
    def _change(self, time_ns: int, host: str, event: ChangeTold) -> None:
        self.told += 1
        key, timestamp = event.key, event.timestamp
        if (key, timestamp) in self._seen:
            self.repeated += 1
            return
        self._seen.add((key, timestamp))
        if timestamp < self._newest.get(key, 0):
            self.late += 1
            text = f"a write of {key} is told after a later one"
            self.violated(time_ns, host, text, Step(time_ns, host, text))
        else:
            self._newest[key] = timestamp
        for name in _names(key, event.value):
            self._told_ns.setdefault(name, time_ns)

    def judge(self, operations: Sequence[Operation]) -> None:
        if not self._resolved:
            self.undecided = "the feed has resolved nothing"
        asked = [asked_ns for asked_ns, _, _ in self._resolved]
        for operation in operations:
            if operation.outcome != "ok" or operation.completed_ns is None:
                continue
            place = bisect_right(asked, operation.completed_ns)
            if place == len(asked):
                continue  # the run ended before a feed asked again
            asked_ns, resolved_ns, feed = self._resolved[place]
            name = ("", operation.input) if operation.function == "insert" else tuple(operation.input)
            name = (name[0], name[1][:VALUE_CHARACTERS])
            if self._told_ns.get(name, resolved_ns + 1) > resolved_ns:
                self.missing += 1
                what = operation.input if operation.function == "insert" else operation.input[0]
                text = f"the write of {what} was acknowledged and is not told"
                self.violated(
                    resolved_ns,
                    feed,
                    text,
                    Step(operation.completed_ns, operation.host, f"the write of {what} is acknowledged"),
                    Step(asked_ns, feed, "asks for everything up to now"),
                    Step(resolved_ns, feed, text),
                )

    def summary(self) -> str:
        return (
            f"{self.told:,} changes told, {self.repeated:,} of them again, {self.late:,} late, {self.missing:,} missing"
        )


def _names(key: str, value: str | None) -> list[tuple[str, str]]:
    """Return how operations name a change: by key and value, or a new key by the name in it."""
    inserted = key.partition("/")[2]
    return [("", inserted)] if inserted else [(key, value)] if value is not None else []
