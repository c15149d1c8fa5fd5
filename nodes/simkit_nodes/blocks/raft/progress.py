"""What a leader knows of one follower, and how much it may have on the way to it.

A leader probes, one message at a time, until it has found where the logs agree; then it sends without waiting, up to a
window of unanswered messages. A follower that lacks discarded entries gets a snapshot first.

It deliberately is a record with simple transitions: `replication` decides what is sent.
"""

from __future__ import annotations

from collections import deque
from typing import Literal


class Progress:
    """The leader's view of one follower.

    Attributes:
        match_index: the highest entry known to be replicated there (paper, figure 2).
        next_index: of the next entry to send.
        state: "probe", "replicate" or "snapshot".
        paused: in a probe: one message is on its way.
        round: the latest of the leader's rounds that it has answered.
        contact_ns: when it last answered anything, on the leader's clock.
        snapshot_index: what a snapshot on its way contains, 0 while the driver makes one.
        snapshot_round: the leader's round when it was sent.
    """

    __slots__ = (
        "_inflight",
        "_inflight_max",
        "contact_ns",
        "match_index",
        "next_index",
        "paused",
        "round",
        "snapshot_index",
        "snapshot_round",
        "state",
    )

    def __init__(self, next_index: int, now_ns: int, inflight_max: int) -> None:
        self.match_index = 0
        self.next_index = next_index
        self.state: Literal["probe", "replicate", "snapshot"] = "probe"
        self.paused = False
        self.round = 0
        self.contact_ns = now_ns
        self.snapshot_index = self.snapshot_round = 0
        self._inflight: deque[int] = deque()
        self._inflight_max = inflight_max

    @property
    def may_send(self) -> bool:
        """Whether entries may be sent now."""
        if self.state == "replicate":
            return len(self._inflight) < self._inflight_max
        return self.state == "probe" and not self.paused

    def sent(self, last_index: int) -> None:
        """Note that entries up to `last_index` are on their way."""
        if self.state == "replicate":
            self.next_index = last_index + 1
            self._inflight.append(last_index)
        else:
            self.paused = True

    def matched(self, index: int) -> bool:
        """Note that the follower's log equals the leader's up to `index`; return whether that is news."""
        inflight = self._inflight
        while inflight and inflight[0] <= index:
            inflight.popleft()
        news = index > self.match_index
        if news:
            self.match_index = index
        self.next_index = max(self.next_index, index + 1)
        if self.state == "probe" or (self.state == "snapshot" and index >= self.snapshot_index > 0):
            self._become("replicate")
        return news

    def rejected(self, next_index: int) -> None:
        """Note that the follower lacks the entry before those that were sent; try again from `next_index`."""
        self.next_index = next_index
        # Below what was known to match: the follower has lost its disk. What it says now is what holds.
        self.match_index = min(self.match_index, next_index - 1)
        self._become("probe")

    def needs_snapshot(self) -> None:
        """Note that what comes next is discarded here."""
        self.snapshot_index = 0
        self._become("snapshot")

    def snapshot_sent(self, index: int, round_number: int) -> None:
        """Note that a snapshot is on its way."""
        self.snapshot_index, self.snapshot_round = index, round_number
        self.next_index = index + 1

    def probe(self) -> None:
        """Find out again where the logs agree: a message or a snapshot may be lost."""
        self.next_index = self.match_index + 1
        self._become("probe")

    def _become(self, state: Literal["probe", "replicate", "snapshot"]) -> None:
        self.state = state
        self.paused = False
        self._inflight.clear()
