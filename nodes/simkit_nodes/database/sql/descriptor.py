"""Descriptors: what the catalog knows of a table, as it is stored; keys and values of its rows and index entries.

A row stands whole under its primary key. An entry of an index is a key alone, of the indexed columns and the primary
key; in a unique index the primary key moves into the value, so that a second row with the same columns meets the first
one's key. Rows with a NULL among the columns of a unique index do not meet. Column families and stored columns are not
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import msgspec

from simkit_nodes.database.interface import KEY_BYTES_MAX
from simkit_nodes.database.sql import key as keys
from simkit_nodes.database.sql.errors import TOO_LARGE, SqlError
from simkit_nodes.database.sql.values import Type, Value

PREFIX: Final = b"t"
"""All keys of rows and index entries begin with it; the catalog's with another letter."""
PRIMARY: Final = "primary"


class State(StrEnum):
    """How far statements go with an index, in the words of F1 (Rae et al., VLDB 2013).

    DELETE_ONLY: nobody reads it, and only deleting writes to it. WRITE_ONLY: all writes go to it, still nobody reads.
    """

    DELETE_ONLY = "delete-only"
    WRITE_ONLY = "write-only"
    PUBLIC = "public"


class Column(msgspec.Struct, frozen=True):
    """One column; `default` is the value that INSERT takes where it is given none."""

    name: str
    type: Type
    nullable: bool = True
    default: Value = None


class Index(msgspec.Struct, frozen=True):
    """One index; `columns` are places in the row, `going` says that it is on its way out."""

    index_id: int
    name: str
    columns: tuple[int, ...]
    unique: bool = False
    state: State = State.PUBLIC
    going: bool = False

    @property
    def takes_inserts(self) -> bool:
        """Whether new rows leave an entry."""
        return self.state is not State.DELETE_ONLY


class Table(msgspec.Struct, frozen=True, dict=True):
    """One version of a table: `primary` are places in the row. Versions follow each other by ones."""

    table_id: int
    name: str
    version: int
    columns: tuple[Column, ...]
    primary: tuple[int, ...]
    indexes: tuple[Index, ...] = ()
    dropped: bool = False

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each column by its name."""
        return {column.name: place for place, column in enumerate(self.columns)}

    @cached_property
    def primary_index(self) -> Index:
        """The primary key as an index like others."""
        return Index(0, PRIMARY, self.primary, unique=True)

    @cached_property
    def readable(self) -> tuple[Index, ...]:
        """The indexes that queries may use, the primary one first."""
        return (self.primary_index, *(index for index in self.indexes if index.state is State.PUBLIC))

    @cached_property
    def prefixes(self) -> dict[int, bytes]:
        """What the keys of each index begin with, by its number."""
        return {
            index.index_id: PREFIX + keys.encode((self.table_id, index.index_id))
            for index in (self.primary_index, *self.indexes)
        }

    def span(self) -> tuple[bytes, bytes]:
        """Return the range of all keys of the table, its indexes included."""
        begin = PREFIX + keys.encode((self.table_id,))
        return begin, begin + keys.END

    def index_span(self, index: Index) -> tuple[bytes, bytes]:
        """Return the range of all keys of one index."""
        begin = self.prefixes[index.index_id]
        return begin, begin + keys.END

    def row_key(self, row: Sequence[Value]) -> bytes:
        """Return the key under which a row stands; 54000 where it would be too long."""
        return _checked(self.prefixes[0] + keys.encode(row[place] for place in self.primary), self.name)

    def entry(self, index: Index, row: Sequence[Value]) -> tuple[bytes, bytes]:
        """Return key and value of a row's entry in an index; 54000 where the key would be too long."""
        indexed = [row[place] for place in index.columns]
        primary = keys.encode(row[place] for place in self.primary)
        key = self.prefixes[index.index_id] + keys.encode(indexed)
        if index.unique and None not in indexed:
            return _checked(key, index.name), primary
        return _checked(key + primary, index.name), b""

    def row_key_of_entry(self, index: Index, key: bytes, value: bytes) -> bytes:
        """Return the key of the row that an index entry belongs to."""
        return self.prefixes[0] + (value or keys.encode(self.entry_values(index, key, value)[len(index.columns) :]))

    def entry_values(self, index: Index, key: bytes, value: bytes) -> list[Value]:
        """Return what an index entry knows: the values of its columns, then those of the primary key."""
        return keys.decode(key, len(self.prefixes[index.index_id])) + keys.decode(value)

    def partial_row(self, index: Index, key: bytes, value: bytes) -> tuple[Value, ...]:
        """Return a row with the columns that an index entry knows, and NULL for the others."""
        row: list[Value] = [None] * len(self.columns)
        for place, known in zip((*index.columns, *self.primary), self.entry_values(index, key, value), strict=True):
            row[place] = known
        return tuple(row)

    def find_index(self, name: str) -> Index | None:
        """Return the index of that name, whatever its state."""
        return next((index for index in self.indexes if index.name == name), None)


encode_row = msgspec.msgpack.Encoder().encode
_decode_values = msgspec.msgpack.Decoder(tuple[Any, ...]).decode
encode_table = msgspec.msgpack.Encoder().encode
decode_table = msgspec.msgpack.Decoder(Table).decode


def decode_row(stored: bytes) -> tuple[Any, ...]:
    """Return the row that `encode_row` stored; msgspec.DecodeError for other bytes."""
    return _decode_values(stored)


def _checked(key: bytes, name: str) -> bytes:
    if len(key) > KEY_BYTES_MAX:
        raise SqlError(TOO_LARGE, f"key of {len(key):,} bytes in `{name}`: at most {KEY_BYTES_MAX:,}")
    return key


def in_words(key: bytes) -> str:
    """Return a key of SQL as people read it: ``/3/0/17`` for row 17 of table 3."""
    if not key.startswith(PREFIX):
        return repr(key)
    try:
        return "".join(f"/{value}" for value in keys.decode(key, len(PREFIX)))
    except (ValueError, IndexError):
        return repr(key)
