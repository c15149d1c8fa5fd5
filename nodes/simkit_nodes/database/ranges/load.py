"""What a range holds and is asked: how many bytes, how often, and for which keys, lately.

A round is the time between two looks of the housekeeping. It deliberately knows nothing of what answering costs.
"""

from __future__ import annotations

from collections import deque
from typing import Final

SAMPLE: Final = 128
"""Keys lately asked for that are remembered of each range."""
ROUNDS: Final = 5
"""Rounds that are remembered; only a range that was calm in all of them is merged, so none right after a split."""


class Load:
    """What one range holds, and was asked lately.

    Attributes:
        size: in bytes, as of the last survey; None before the first one.
        keys: the last ones asked for.
    """

    __slots__ = ("_asked", "_rounds", "keys", "size")

    def __init__(self) -> None:
        self.size: int | None = None
        self.keys: deque[bytes] = deque(maxlen=SAMPLE)
        self._asked = 0
        self._rounds: deque[int] = deque(maxlen=ROUNDS)

    def note(self, key: bytes) -> None:
        """A batch has asked for a key."""
        self._asked += 1
        self.keys.append(key)

    def end_round(self) -> None:
        """Begin to count anew."""
        self._rounds.append(self._asked)
        self._asked = 0

    @property
    def asked(self) -> int:
        """How many batches there were in the last round."""
        return self._rounds[-1] if self._rounds else 0

    @property
    def peak(self) -> int | None:
        """How many there were in the busiest of the last `ROUNDS`; None while there were not so many."""
        return max(self._rounds) if len(self._rounds) == ROUNDS else None
