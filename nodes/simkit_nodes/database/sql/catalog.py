"""The catalog: which tables there are, stored in the database itself and read in transactions like everything else.

A name leads to a number and the number to a descriptor, so that a version of a table is one value under one key. A
catalog keeps nothing in memory; who wants to plan without a read holds a lease (`schema_lease`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from simkit_nodes.database.interface import Transaction
from simkit_nodes.database.sql import key as keys
from simkit_nodes.database.sql.descriptor import Table, decode_table, encode_table

PREFIX: Final = b"c"
FIRST_TABLE: Final = 100


def catalog_key(*elements: str | int) -> bytes:
    """Return the key of something in the catalog."""
    return PREFIX + keys.encode(elements)


def under(*elements: str | int) -> tuple[bytes, bytes]:
    """Return the range of all keys that begin with these elements."""
    begin = catalog_key(*elements)
    return begin, begin + keys.END


async def find_id(transaction: Transaction, name: str) -> int | None:
    """Return the number of the table of that name, None if there is none."""
    stored = await transaction.get(catalog_key("name", name))
    return None if stored is None else msgspec.msgpack.decode(stored, type=int)


async def read_table(transaction: Transaction, table_id: int) -> Table | None:
    """Return the present version of a table, None if it is no more."""
    stored = await transaction.get(catalog_key("table", table_id))
    return None if stored is None else decode_table(stored)


async def find_table(transaction: Transaction, name: str) -> Table | None:
    """Return the present version of the table of that name, None if there is none."""
    table_id = await find_id(transaction, name)
    return None if table_id is None else await read_table(transaction, table_id)


async def table_names(transaction: Transaction) -> list[str]:
    """Return the names of all tables in order."""
    begin, end = under("name")
    return [str(keys.decode(key, len(PREFIX))[1]) for key, _ in await transaction.scan(begin, end)]


async def create_table(transaction: Transaction, table: Table) -> Table:
    """Store a new table under its name, which must be free, and return it with its number."""
    counter = catalog_key("next table")
    stored = await transaction.get(counter)
    table_id = FIRST_TABLE if stored is None else msgspec.msgpack.decode(stored, type=int)
    created = msgspec.structs.replace(table, table_id=table_id)
    await transaction.put(counter, msgspec.msgpack.encode(table_id + 1))
    await transaction.put(catalog_key("name", table.name), msgspec.msgpack.encode(table_id))
    await write_table(transaction, created)
    return created


async def write_table(transaction: Transaction, table: Table) -> None:
    """Store a version of a table over the one before."""
    await transaction.put(catalog_key("table", table.table_id), encode_table(table))


async def forget_name(transaction: Transaction, table: Table) -> None:
    """Set a table's name free; what the table holds stays until it is collected."""
    await transaction.delete(catalog_key("name", table.name))


async def forget_table(transaction: Transaction, table: Table) -> None:
    """Remove the descriptor of a table that holds nothing any more."""
    await transaction.delete(catalog_key("table", table.table_id))
