"""How a batch travels: each row is a packet of its own, and rows that arrive in one tick arrive together.

Every row takes the draws of a packet of its size and meets what packets meet: latency, loss, bursts, queues. One that
is copied or damaged, and every row over routers, goes on as a message by itself. What holds for the path holds for all
of them: a cut takes every row.

It deliberately makes no record for each row: a record tells what became of how many at once.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simkit.network.datagram import size_on
from simkit.network.parcel import SEND, Parcel
from simkit.network.path import ODD, OUTCOMES, UNDER_WAY, Path

if TYPE_CHECKING:
    from simkit.network.batch import Batch

TOGETHER_MIN: Final = 8
"""Fewer rows are quicker one by one."""


def ship(path: Path, batch: "Batch", number: int) -> None:
    """Send the rows of a batch, now, as the message of that number."""
    if not len(batch):
        return
    size = size_on(path, batch.row_bytes)
    outcomes = path.transit_all(size, len(batch)) if len(batch) >= TOGETHER_MIN else None
    if outcomes is None:
        outcomes = _one_by_one(path, batch, size, number)
    if outcomes.min() < 0:
        for outcome, word in OUTCOMES.items():
            rows = np.flatnonzero(outcomes == outcome)
            if len(rows):
                _part(path, batch, rows, number).told(word)
    arrived = np.flatnonzero(outcomes >= 0)
    if len(arrived):
        rows = arrived[np.argsort(outcomes[arrived], kind="stable")]
        ticks = -(-outcomes[rows] // batch.tick_ns)
        begin = 0
        for end in (*(np.flatnonzero(ticks[1:] != ticks[:-1]) + 1).tolist(), len(rows)):
            _part(path, batch, rows[begin:end], number).travel(int(ticks[begin]) * batch.tick_ns)
            begin = end


def _one_by_one(path: Path, batch: "Batch", size: int, number: int) -> NDArray[np.int64]:
    """Let each row meet the path; return what becomes of those that do not go on by themselves."""
    outcomes = np.empty(len(batch), dtype=np.int64)
    for row in range(len(batch)):
        outcome = outcomes[row] = path.transit(size)
        if outcome in (ODD, UNDER_WAY):
            alone = _part(path, batch, np.array([row]), number)
            if outcome == ODD:
                alone.launched(ODD)
            else:
                path.carry_data(size, alone.launched)
    return outcomes


def _part(path: Path, batch: "Batch", rows: NDArray[np.intp], number: int) -> Parcel:
    part = batch if len(rows) == len(batch) == 1 else batch.take(rows)
    parcel = Parcel(path, part.encode(), part, number, SEND)
    parcel.sent_ns = path.network.world.now_ns
    return parcel
