"""What a range is asked: how often, and for which keys, lately.

It deliberately knows nothing of what that costs.
"""

from __future__ import annotations

from collections import deque
from typing import Final

SAMPLE: Final = 128
"""Keys lately asked for that are remembered of each range."""


class Load:
    """What one range was asked lately.

    Attributes:
        asked: how many batches there were since the last look.
        keys: the last ones asked for.
    """

    __slots__ = ("asked", "keys")

    def __init__(self) -> None:
        self.asked = 0
        self.keys: deque[bytes] = deque(maxlen=SAMPLE)

    def note(self, key: bytes) -> None:
        """A batch has asked for a key."""
        self.asked += 1
        self.keys.append(key)
