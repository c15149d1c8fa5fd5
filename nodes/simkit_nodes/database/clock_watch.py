"""The clock watch: a host compares its wall clock with others', and serves nobody when it is the one that is wrong.

An offset is measured as NTP does it, the other's time against the middle of the round trip; half of the round trip is
how wrong that may be. A host whose clock is further than 80% of max_offset from more than half of those who answer
refuses to serve, because a write at such a time could hide from readers (Taft et al. 2020, section 4.3).

It deliberately sets no clock: that is a time daemon's work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from simkit.network import handles
from simkit.network.errors import RemoteError, RequestTimeout, Unreachable
from simkit.network.message import Message
from simkit.node import Node
from simkit_nodes.database.events import ClockCompared, ClockMeasured

EVERY_S: Final = 1.0
NOTEWORTHY: Final = 0.02
"""What share of the greatest offset a clock has to move by before that is told again."""
TIMEOUT_S: Final = 0.5
TOLERATED: Final = 0.8


class ClockProbe(Message, tag="database.clock_probe/1"):
    """What time is it?"""


class ClockReading(Message, tag="database.clock_reading/1"):
    """So late it is, in ns since the Unix epoch."""

    wall_ns: int


class ClockWatch:
    """Watches the clock of one host.

    Args:
        node: whose clock and network it uses.
        peers: whom to ask.
        offset_max_ns: by how much two clocks may differ.
        changed: told when the clock is trusted no more, or again.

    Attributes:
        trusted: whether the host may serve.
        trips_ns: how long the last round trip to each peer took; without an answer, as long as was waited.
    """

    def __init__(
        self,
        node: Node,
        peers: Sequence[str],
        offset_max_ns: int,
        changed: Callable[[bool], None] = lambda trusted: None,
    ) -> None:
        self._node, self._offset_max_ns, self._changed = node, offset_max_ns, changed
        self._peers = tuple(peer for peer in peers if peer != node.name)
        self.trusted = True
        self.trips_ns: dict[str, int] = {}
        self._told_ns = 0
        node.network.bind(self)

    @handles(ClockProbe)
    def tell(self, probe: ClockProbe) -> ClockReading:
        """Say what time it is here."""
        return ClockReading(self._node.clock.wall_ns())

    async def run(self) -> None:
        """Compare for ever."""
        while True:
            measured = await asyncio.gather(*map(self._measure, self._peers))
            offsets = sorted(offset for offset in measured if offset is not None)
            if offsets:
                self._judge(offsets)
            await asyncio.sleep(EVERY_S)

    async def _measure(self, peer: str) -> int | None:
        """Return how far this clock is ahead of another at least (below 0: behind), None without an answer."""
        clock = self._node.clock
        sent_ns, began_ns = clock.wall_ns(), clock.monotonic_ns()
        try:
            reading = await self._node.network.request(peer, ClockProbe(), TIMEOUT_S, ClockReading)
        except (RequestTimeout, RemoteError, Unreachable, OSError):
            self.trips_ns[peer] = int(TIMEOUT_S * 1e9)
            return None
        self.trips_ns[peer] = trip_ns = clock.monotonic_ns() - began_ns
        offset_ns = sent_ns + trip_ns // 2 - reading.wall_ns
        if abs(offset_ns) <= trip_ns // 2:
            return 0
        return offset_ns - trip_ns // 2 if offset_ns > 0 else offset_ns + trip_ns // 2

    def _judge(self, offsets: list[int]) -> None:
        far = sum(abs(offset) > TOLERATED * self._offset_max_ns for offset in offsets)
        trusted = 2 * far <= len(offsets)
        offset_ns = offsets[len(offsets) // 2]
        self._node.metrics.gauge("clock.offset", "s").set(offset_ns / 1e9)
        if abs(offset_ns - self._told_ns) > NOTEWORTHY * self._offset_max_ns:
            self._told_ns = offset_ns
            self._node.emit(ClockCompared(offset_ns))
        if trusted != self.trusted:
            self.trusted = trusted
            self._node.emit(ClockMeasured(offset_ns, trusted))
            self._changed(trusted)
