"""How a batch travels: each row is a packet of its own, and rows that arrive in one tick arrive together.

Every row takes the draws of a packet of its size and meets what packets meet: latency, loss, bursts, queues. One that
is copied or damaged, and every row over routers, goes on as a message by itself. What holds for the path holds for all
of them: a cut takes every row.

It deliberately makes no record for each row: a record tells what became of how many at once.
"""

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simkit.network.datagram import size_on
from simkit.network.parcel import SEND, Parcel
from simkit.network.path import ODD, OUTCOMES, UNDER_WAY, Path

if TYPE_CHECKING:
    from simkit.network.batch import Batch


def ship(path: Path, batch: "Batch", number: int) -> None:
    """Send the rows of a batch, now, as the message of that number."""
    if not len(batch):
        return
    size = size_on(path, batch.row_bytes)
    tick_ns = batch.tick_ns
    arrivals: list[tuple[int, int]] = []
    everyone = np.arange(len(batch))
    gone: dict[int, list[int]] = {}  # rows by what became of them
    for row in range(len(batch)):
        outcome = path.transit(size)
        if outcome >= 0:
            arrivals.append((outcome, row))
        elif outcome == ODD:
            _part(path, batch, everyone[row : row + 1], number).launched(ODD)
        elif outcome == UNDER_WAY:
            path.carry_data(size, _part(path, batch, everyone[row : row + 1], number).launched)
        else:
            gone.setdefault(outcome, []).append(row)
    for outcome, rows in gone.items():
        _part(path, batch, everyone[rows], number).told(OUTCOMES[outcome])
    arrivals.sort()
    for arrival_ns, together in groupby(arrivals, lambda arrival: -(-arrival[0] // tick_ns) * tick_ns):
        _part(path, batch, everyone[[row for _, row in together]], number).travel(arrival_ns)


def _part(path: Path, batch: "Batch", rows: NDArray[np.intp], number: int) -> Parcel:
    part = batch if len(rows) == len(batch) == 1 else batch.take(rows)
    parcel = Parcel(path, part.encode(), part, number, SEND)
    parcel.sent_ns = path.network.world.now_ns
    return parcel
