"""When each device of a fleet wakes: one number for each, and a queue of what is due soon.

Looking through all devices in every tick would cost more than waking those that are due, and so would a queue of all.
So time is looked at in windows: one look finds everybody who is due in the next window and puts them into a queue, by
ticks; who is given a later time is left for a later look, and who is given a time within the window is put into the
queue besides. Windows are as long as makes both cost about the same. Nothing else depends on their length.

It deliberately cancels nothing in the queue: the column says when a device is due, and an entry that disagrees is void.
"""

from heapq import heappop, heappush
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simkit.kernel.turns import NEVER_NS

Devices = NDArray[np.intp]
Times = NDArray[np.int64]

TICKS_FIRST: Final = 16
TICKS_MAX: Final = 2**32
LOOK_COST: Final = 16_384
FILING_COST: Final = 2_048
"""What a look costs besides, and what it costs to put those of one tick into the queue, in devices looked at."""

_SHORT: Final = 2**16
"""So many ticks fit in the integers that numpy sorts by counting, five times as fast."""


class WakeUps:
    """The wake-ups of all devices.

    Args:
        count: how many devices.
        tick_ns: devices that are due within one tick wake together, at its end.
        by_due: hand them out in the order of the moments for which they were due, and not of their numbers.

    Attributes:
        due_ns: for which moment each device wants to be woken; NEVER_NS for those who sleep on.
    """

    def __init__(self, count: int, tick_ns: int, *, by_due: bool) -> None:
        self.due_ns: Times = np.full(count, NEVER_NS, dtype=np.int64)
        self._tick_ns = tick_ns
        self._by_due = by_due
        self._ticks = TICKS_FIRST
        self._end_ns = -1  # who is due up to then stands in the queue
        self._queue: list[tuple[int, int, Devices, bool]] = []  # end of a tick, sequence, devices, in their order?
        self._sequence = 0
        self._filed = 0  # how often devices were put into the queue since the last look

    def set(self, devices: Devices, due_ns: Any) -> None:
        """Let devices be due at moments of their own, or all at one; ValueError for what is no moment."""
        devices, moments = np.asarray(devices, dtype=np.intp), np.asarray(due_ns)
        if not len(devices):
            return
        if moments.dtype.kind == "f":
            moments = np.rint(moments)
        first_ns, last_ns = moments.min(), moments.max()
        if not 0 <= first_ns <= last_ns < NEVER_NS:
            raise ValueError(f"a device is due at a time from 0 to 2**62 ns, not at {first_ns} or {last_ns}")
        moments = moments.astype(np.int64)
        self.due_ns[devices] = moments
        if first_ns > self._end_ns:
            return
        if not moments.ndim:
            moments = np.full(len(devices), moments)
        if last_ns > self._end_ns:
            soon = moments <= self._end_ns
            devices, moments = devices[soon], moments[soon]
        self._file(devices, moments, in_order=False)
        if self._filed * FILING_COST > 4 * (len(self.due_ns) + LOOK_COST):
            # Everybody comes back at once, and the window may be long: the next look comes at its next tick.
            self._end_ns = int(first_ns)

    def clear(self, devices: Devices) -> None:
        """Let devices sleep on."""
        self.due_ns[devices] = NEVER_NS

    def next_ns(self) -> int:
        """Return the end of the tick in which somebody may be due next; NEVER_NS if nobody ever is."""
        if not self._queue or self._queue[0][0] > self._end_ns:
            self._look()
        return self._queue[0][0] if self._queue else NEVER_NS

    def take(self, now_ns: int) -> tuple[Devices, Times]:
        """Return the devices whose tick has ended, and when each was due; they sleep from now on."""
        parts: list[Devices] = []
        in_order = True
        while self._queue and self._queue[0][0] <= now_ns:
            *_, part, in_order = heappop(self._queue)
            parts.append(part)
        if not parts:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64)
        devices = parts[0]
        if len(parts) > 1 or not in_order:
            devices = np.concatenate(parts)
            devices.sort()
            again = devices[1:] == devices[:-1]
            if again.any():
                devices = devices[np.append(True, ~again)]
        due_ns = self.due_ns[devices]
        meant = due_ns <= now_ns - now_ns % self._tick_ns
        if not meant.all():
            devices, due_ns = devices[meant], due_ns[meant]
        self.due_ns[devices] = NEVER_NS
        if self._by_due:
            order = np.argsort(due_ns, kind="stable")
            devices, due_ns = devices[order], due_ns[order]
        return devices, due_ns

    def _look(self) -> None:
        """Put everybody into the queue who is due in the next window, which begins when the first one is."""
        first_ns = int(self.due_ns.min())
        if first_ns >= NEVER_NS:
            self._queue.clear()
            self._end_ns = -1
            return
        filing, looking = self._filed * FILING_COST, len(self.due_ns) + LOOK_COST
        if filing > 2 * looking:
            self._ticks = max(self._ticks // 2, 1)
        elif 2 * filing < looking:
            self._ticks = min(self._ticks * 2, TICKS_MAX)
        first = -(-first_ns // self._tick_ns)
        self._end_ns = min((first + self._ticks - 1) * self._tick_ns, NEVER_NS - 1)
        devices = np.flatnonzero(self.due_ns <= self._end_ns)
        self._file(devices, self.due_ns[devices], in_order=True)
        self._filed = 0

    def _file(self, devices: Devices, due_ns: Times, *, in_order: bool) -> None:
        """Put devices into the queue, those of one tick together."""
        ticks = -(-due_ns // self._tick_ns)
        base = int(ticks.min())
        ticks -= base
        if int(ticks.max()) < _SHORT:
            ticks = ticks.astype(np.uint16)
        order = np.argsort(ticks, kind="stable")
        ticks = ticks[order]
        ends = np.append(np.flatnonzero(ticks[1:] != ticks[:-1]) + 1, len(ticks))
        sorted_devices, begin = devices[order], 0
        for end, tick in zip(ends.tolist(), ticks[ends - 1].tolist(), strict=True):
            self._sequence += 1
            entry = (base + tick) * self._tick_ns, self._sequence, sorted_devices[begin:end], in_order
            heappush(self._queue, entry)
            begin = end
        self._filed += len(ends)
