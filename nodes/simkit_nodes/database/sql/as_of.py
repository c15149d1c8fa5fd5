"""AS OF SYSTEM TIME: how far back a statement reads, in CockroachDB's words.

    SELECT ... FROM items AS OF SYSTEM TIME '-5s'
    SELECT ... FROM items AS OF SYSTEM TIME 1767225600000000000
    SELECT ... FROM items AS OF SYSTEM TIME follower_read_timestamp()
    SELECT ... FROM items AS OF SYSTEM TIME with_max_staleness('10s')

sqlglot has no words for it, so it is taken out of a statement before that is parsed; the rest keeps its positions. It
deliberately belongs to one SELECT: a transaction of several statements has no clause for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from sqlglot.tokenizer_core import Token, TokenType

from simkit_nodes.blocks.hybrid_logical_clock import span_of, timestamp_of
from simkit_nodes.database.interface import Database, Isolation, Transaction
from simkit_nodes.database.sql.errors import BAD_VALUE, SYNTAX_ERROR, SqlError

WORDS: Final = ["AS", "OF", "SYSTEM", "TIME"]
UNITS_NS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
NANOSECONDS_MAX: Final = 2**62


@dataclass(frozen=True, slots=True)
class AsOf:
    """When a statement reads.

    Attributes:
        kind: so long ago, at a Unix time, as fresh as followers are likely to be, or no older than so long.
        ns: the duration or the time.
    """

    kind: Literal["ago", "at", "followers", "within"]
    ns: int = 0

    def begin(self, database: Database, isolation: Isolation) -> Transaction:
        """Begin the transaction that reads then. SqlError: that is not the past."""
        if self.kind == "within":
            return database.begin(isolation, max_staleness=span_of(self.ns))
        now = database.past(0)
        if self.kind == "at":
            as_of = timestamp_of(self.ns)
        else:
            as_of = database.past(span_of(self.ns)) if self.kind == "ago" else database.past(None)
        if as_of > now:
            raise SqlError(BAD_VALUE, "AS OF SYSTEM TIME names a time that is still to come")
        return database.begin(isolation, as_of=as_of)


def take_as_of(tokens: list[Token], at: tuple[int, int]) -> tuple[list[Token], AsOf | None]:
    """Return the tokens without AS OF SYSTEM TIME, and what it says; None where it says nothing.

    Args:
        at: line and column for errors: where the statement ends.
    """
    words = [token.text.upper() for token in tokens]
    place = next((each for each in range(len(words)) if words[each : each + 4] == WORDS), None)
    if place is None:
        return tokens, None
    end, as_of = _read(tokens, place + 4, at)
    return tokens[:place] + tokens[end:], as_of


def _read(tokens: list[Token], place: int, at: tuple[int, int]) -> tuple[int, AsOf]:
    """Return where the time ends, and the time."""
    texts = [token.text for token in tokens[place : place + 4]]
    kinds = [token.token_type for token in tokens[place : place + 4]]
    if [each.lower() for each in texts[:3]] == ["follower_read_timestamp", "(", ")"]:
        return place + 3, AsOf("followers")
    if [each.lower() for each in texts[:2]] == ["with_max_staleness", "("] and texts[3:] == [")"]:
        if kinds[2] is TokenType.STRING:
            return place + 4, AsOf("within", _duration(texts[2], at))
    elif kinds[:1] in ([TokenType.STRING], [TokenType.NUMBER]):
        if texts[0].isascii() and texts[0].isdigit():
            return place + 1, AsOf("at", min(int(texts[0][:20]), NANOSECONDS_MAX))
        if kinds[0] is TokenType.STRING and texts[0].startswith("-"):
            return place + 1, AsOf("ago", _duration(texts[0][1:], at))
    message = "AS OF SYSTEM TIME takes '-5s', nanoseconds, follower_read_timestamp() or with_max_staleness('10s')"
    raise SqlError(SYNTAX_ERROR, message, at)


def _duration(text: str, at: tuple[int, int]) -> int:
    found = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h)", text)
    if found is None:
        raise SqlError(BAD_VALUE, f"`{text[:40]}` is no duration such as 500ms, 5s or 2m", at)
    return int(found[1]) * UNITS_NS[found[2]]
