"""An index comes into use while gateways with neighbouring versions write; without the states of F1 it goes wrong."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import pytest
from memory_database import MemoryDatabase
from sql_client import Client, finish

from simkit.hosts.host import Host
from simkit.kernel import World
from simkit_nodes.database.sql import catalog
from simkit_nodes.database.sql.definition import define_index
from simkit_nodes.database.sql.descriptor import State
from simkit_nodes.database.sql.errors import SqlError
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.prepare import Preparation
from simkit_nodes.database.sql.schema import Schema
from simkit_nodes.database.sql.schema_change import SchemaChange, Steps
from simkit_nodes.database.sql.session import Session

F1 = Steps(poll_ns=10**6)
NO_DELETE_ONLY = Steps(poll_ns=10**6, up=(State.WRITE_ONLY,))
NO_WRITE_ONLY = Steps(poll_ns=10**6, up=(State.DELETE_ONLY,))
NO_WAIT = Steps(poll_ns=10**6, wait=False)
WRITERS = 4


async def _write(session: Session, random: Random, stop: asyncio.Event) -> None:
    """Insert, update and delete rows until the index is there."""
    while not stop.is_set():
        row = random.randrange(30)
        text = random.choice(
            (
                f"INSERT INTO t VALUES ({row}, {random.randrange(5)})",
                f"UPDATE t SET a = {random.randrange(5)} WHERE id = {row}",
                f"DELETE FROM t WHERE id = {row}",
            )
        )
        with suppress(SqlError):  # a row that is there already
            await session.execute(text)
        await asyncio.sleep(random.uniform(0, 0.002))


def in_virtual_time(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a host, so that who comes first does not depend on how busy the machine is."""
    world, found = World(1), []

    async def program(host: Host) -> None:
        found.append(await coroutine)

    Host(world, "gateways", program=program).boot()
    world.run(20 * 10**9)
    world.close()
    return found[0]


async def _create_index_under_load(database: Any, steps: Steps, seed: int) -> tuple[int, int]:
    """Return rows without an entry and entries without a row, after an index was made among writers."""
    random = Random(seed)
    schemas = [Schema(database, f"gateway-{number}", steps=steps) for number in range(WRITERS)]
    sessions = [Session(database, schema, Preparation(Limits())) for schema in schemas]
    await sessions[0].execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    for row in range(30):
        await sessions[0].execute(f"INSERT INTO t VALUES ({row}, {row % 5})")
    stop = asyncio.Event()
    writers = [asyncio.ensure_future(_write(session, random, stop)) for session in sessions[1:]]

    async def renew_slowly() -> None:
        while True:  # each gateway takes a new version at another moment
            await asyncio.sleep(random.uniform(0.001, 0.01))
            await random.choice(schemas[1:])._leases.renew()

    keeper = asyncio.ensure_future(renew_slowly())
    await asyncio.sleep(0.005)
    try:
        await sessions[0].execute("CREATE INDEX by_a ON t (a)")
        await asyncio.sleep(0.02)
    finally:
        stop.set()
        await asyncio.gather(*writers)
        keeper.cancel()
    ((_, _, missing, dangling),) = (await sessions[0].execute("CHECK TABLE t")).rows
    return missing, dangling


@pytest.mark.parametrize("seed", range(8))
def test_with_all_states_index_and_table_agree(seed: int) -> None:
    assert in_virtual_time(_create_index_under_load(MemoryDatabase(patient=True), F1, seed)) == (0, 0)


@pytest.mark.parametrize(
    "steps", [NO_DELETE_ONLY, NO_WRITE_ONLY, NO_WAIT], ids=["no_delete_only", "no_write_only", "no_wait"]
)
def test_without_a_state_or_without_waiting_they_do_not(steps: Steps) -> None:
    database = partial(MemoryDatabase, patient=True)
    found = [in_virtual_time(_create_index_under_load(database(), steps, seed)) for seed in range(8)]
    assert any(each != (0, 0) for each in found)


def test_at_most_two_versions_are_in_use(database: Any) -> None:
    """A gateway that keeps version 1 lets version 2 be published, and no version 3."""
    first, second = (
        Client(database, Schema(database, "gateway-1", steps=F1)),
        Client(database, Schema(database, "gateway-2")),
    )
    first("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    second("SELECT * FROM t")  # holds version 1 and does not look again
    with pytest.raises(TimeoutError):
        finish(asyncio.wait_for(first.schema.define(_index(first), Limits()), 0.5))
    described = finish(_read(database))
    assert (described.version, described.indexes[0].state) == (2, State.DELETE_ONLY)
    finish(_while_renewing(second.schema, first.schema.adopt()))
    assert finish(_read(database)).indexes[0].state is State.PUBLIC
    assert first("CHECK TABLE t") == [("by_a", 0, 0, 0)]


async def _while_renewing(schema: Schema, change: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(change)
    while not task.done():
        await schema._leases.renew()
        await asyncio.sleep(0.001)
    await task


def _index(client: Client) -> Any:
    return client.session._preparation.statement("CREATE INDEX by_a ON t (a)")


async def _read(database: Any) -> Any:
    return await database.run(lambda transaction: catalog.find_table(transaction, "t"))


def test_rows_that_are_not_unique_take_the_index_back(sql: Any, database: Any) -> None:
    sql("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    sql("INSERT INTO t VALUES (1, 5), (2, 5), (3, NULL), (4, NULL)")
    with pytest.raises(SqlError, match=r"23505: rows of `t` are not unique in \(a\)"):
        sql("CREATE UNIQUE INDEX one ON t (a)")
    assert finish(_read(database)).indexes == ()
    sql("DELETE FROM t WHERE id = 2")
    sql("CREATE UNIQUE INDEX one ON t (a)")
    assert sql("CHECK TABLE t") == [("one", 3, 0, 0)]


def test_dropping_leaves_nothing_behind(sql: Any, database: Any) -> None:
    sql("CREATE TABLE t (id INT PRIMARY KEY, a INT UNIQUE)")
    sql("CREATE INDEX i ON t (a)")
    sql("INSERT INTO t VALUES (1, 1), (2, 2)")
    sql("DROP INDEX i")
    sql("DROP TABLE t")
    live = [key for key in database.versions if database.read(key, database.now) is not None]
    assert [key for key in live if not key.startswith(b"c")] == []
    with pytest.raises(SqlError, match="42P01"):
        sql("SELECT * FROM t")
    sql("CREATE TABLE t (id INT PRIMARY KEY)")
    assert sql("SELECT * FROM t") == []


def test_a_commit_above_the_end_of_its_lease_is_refused(sql: Any, database: Any) -> None:
    sql("CREATE TABLE t (id INT PRIMARY KEY)")
    sql("SELECT * FROM t")
    sql("BEGIN")
    sql("INSERT INTO t VALUES (1)")
    database.now += 10**18
    with pytest.raises(Exception, match="changed") as caught:
        sql("COMMIT")
    assert caught.value.sqlstate == "40001"
    assert sql("SELECT * FROM t") == []


def test_somebody_else_finishes_a_change_whose_gateway_died(database: Any) -> None:
    sql = Client(database)
    sql("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    sql("INSERT INTO t VALUES (1, 1), (2, 2)")
    change = SchemaChange(database, 100, F1, sql.schema._leases.renew)
    index = finish(_defined(sql))

    async def dies(*_: Any) -> None:
        raise ConnectionError

    change._backfill = dies  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        finish(change.create_index(index))
    assert finish(_read(database)).indexes[0].state is State.WRITE_ONLY
    database.now += 10**18  # the leases of the dead gateway run out
    finish(Schema(database, "another", steps=F1).adopt())
    assert Client(database)("CHECK TABLE t") == [("by_a", 2, 0, 0)]


async def _defined(client: Client) -> Any:
    return define_index(_index(client), await _read(client.session._database), Limits())
