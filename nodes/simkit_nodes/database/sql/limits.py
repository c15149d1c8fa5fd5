"""What a statement may ask for at most. Every bound here is an error with a code, never a slow or dying gateway.

Not a budget of time: that is the session's statement timeout.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one statement.

    Attributes:
        statement_bytes: of its text in UTF-8.
        tokens: words, numbers and signs of its text.
        nesting: of brackets, CASE and operators within each other.
        parameters: values given with it.
        rows: that it keeps in memory at once: to sort, to group, to join, to return.
        columns: of a table, and of an index.
        spans: ranges of keys that one index is asked for.
    """

    statement_bytes: int = 256 * 1024
    tokens: int = 100_000
    nesting: int = 50
    parameters: int = 10_000
    rows: int = 100_000
    columns: int = 256
    spans: int = 1_000
