"""Called in a worker: litter its heap, so that addresses and the collector's counts differ from worker to worker."""

import os
from typing import Any

LITTER: list[Any] = []


def litter(say: Any, amount: int) -> int:
    """Keep objects of random sizes, some in cycles; return how many."""
    for size in os.urandom(amount):
        item: list[Any] = [bytearray(size), {str(size): object()}, {object() for _ in range(size % 7)}]
        if size % 3:
            item.append(item)
        if size % 2:
            LITTER.append(item)
    return len(LITTER)
