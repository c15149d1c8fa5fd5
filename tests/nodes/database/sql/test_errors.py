"""Every wrong statement is one error with a code and a place, and leaves nothing behind."""

import asyncio
import time
from typing import Any

import pytest
from sql_client import Client

from simkit_nodes.database.errors import AmbiguousResult, DatabaseError, RetryableError
from simkit_nodes.database.sql.errors import SqlError
from simkit_nodes.database.sql.limits import Limits

SCHEMA = (
    "CREATE TABLE account (id INT PRIMARY KEY, owner TEXT NOT NULL, balance INT DEFAULT 0, rate REAL, open BOOLEAN)",
    "CREATE UNIQUE INDEX by_owner ON account (owner)",
    "INSERT INTO account VALUES (1, 'ada', 10, 0.5, TRUE), (2, 'bob', 20, NULL, FALSE)",
)


@pytest.fixture
def bank(sql: Any) -> Any:
    for text in SCHEMA:
        sql(text)
    return sql


WRONG = [
    ("SELCT 1", "42601", (1, 1), "nearest: `SELECT`"),
    ("SELECT id,\n  FROM account WHERE", "42601", (2, 16), "something is missing after `WHERE`"),
    ("SELECT 'abc", "42601", (1, 7), "never closed"),
    ("SELECT (1", "42601", (1, 9), "expected `)`"),
    ("SELECT 1; SELECT 2", "42601", (1, 9), "one statement at a time"),
    ("", "42601", (1, 1), "empty"),
    ("SELECT * FROM acount", "42P01", (1, 15), "nearest: `account`"),
    ("SELECT blance FROM account", "42703", (1, 8), "nearest: `balance`"),
    ("SELECT a.id FROM account", "42P01", (1, 8), "not a table of this statement"),
    ("SELECT id FROM account a JOIN account b ON a.id = b.id", "42702", (1, 8), "`a.id`, `b.id`"),
    ("SELECT 1 FROM account JOIN account ON TRUE", "42712", (1, 28), "two tables are called"),
    ("SELECT id + owner FROM account", "42804", (1, 13), "expected INTEGER or REAL, not TEXT"),
    ("SELECT id FROM account WHERE id = 'x'", "42804", (1, 30), "INTEGER and TEXT cannot be compared"),
    ("SELECT id FROM account WHERE id", "42804", (1, 30), "expected BOOLEAN"),
    ("SELECT sqrt(rate) FROM account", "42883", (1, 8), "no function `sqrt`"),
    ("SELECT owner, COUNT(*) FROM account", "42803", (1, 8), "neither grouped"),
    ("SELECT id FROM account WHERE COUNT(*) > 1", "42803", (1, 30), "no aggregate"),
    ("SELECT DISTINCT id FROM account ORDER BY balance", "42P10", (1, 42), "DISTINCT"),
    ("SELECT id FROM account ORDER BY 2", "42P10", (1, 33), "no expression number 2"),
    ("SELECT $1", "42P02", (1, 9), "$1"),
    ("SELECT 99999999999999999999", "22003", (1, 8), "integer out of range"),
    ("SELECT 9223372036854775807 + id FROM account", "22003", None, "integer out of range"),
    ("SELECT SUM(id + 9223372036854775800) FROM account", "22003", None, "integer out of range"),
    ("SELECT -9223372036854775808 / -1", "22003", None, "integer out of range"),
    ("SELECT 1e308 * 10.0", "22003", None, "REAL out of range"),
    ("SELECT 1 / (id - 1) FROM account", "22012", None, "division by zero"),
    ("SELECT CAST(owner AS INT) FROM account", "22P02", None, "'ada'"),
    ("SELECT id FROM account LIMIT -1", "2201W", None, "LIMIT"),
    ("INSERT INTO account (id, owner) VALUES (1, 'eve')", "23505", None, "duplicate key (id) = (1) in `primary`"),
    ("INSERT INTO account (id, owner) VALUES (3, 'ada')", "23505", None, "(owner) = ('ada') in `by_owner`"),
    ("INSERT INTO account (id, owner) VALUES (3, 'eve'), (3, 'eva')", "23505", None, "duplicate key"),
    ("INSERT INTO account (id, owner) VALUES (3, NULL)", "23502", None, "column `owner`"),
    ("INSERT INTO account (id) VALUES (3)", "23502", None, "column `owner`"),
    ("INSERT INTO account (id, owner) VALUES (3)", "42601", (1, 41), "1 values for 2 columns"),
    ("INSERT INTO account (id, id) VALUES (3, 3)", "42701", (1, 13), "named twice"),
    ("INSERT INTO account (id, owner) VALUES ('x', 'y')", "42804", (1, 41), "column `id` is INTEGER"),
    ("UPDATE account SET owner = 'bob'", "23505", None, "by_owner"),
    ("UPDATE account SET id = NULL", "23502", None, "column `id`"),
    ("CREATE TABLE account (id INT PRIMARY KEY)", "42P07", None, "already"),
    ("CREATE TABLE t (id INT)", "42P16", (1, 14), "no PRIMARY KEY"),
    ("CREATE TABLE t (id INT PRIMARY KEY, id INT)", "42701", (1, 37), "twice"),
    ("CREATE TABLE t (id DATE PRIMARY KEY)", "0A000", None, "DATE"),
    ("CREATE TABLE t (id INT PRIMARY KEY DEFAULT 'x')", "42804", (1, 44), "default"),
    ("CREATE INDEX i ON account (ownr)", "42703", (1, 14), "nearest: `owner`"),
    ("CREATE UNIQUE INDEX i ON account (balance DESC)", "0A000", None, "DESC"),
    ("DROP TABLE acount", "42P01", (1, 12), "nearest"),
    ("DROP INDEX by_ownr", "42704", (1, 12), "nearest: `by_owner`"),
    ("COMMIT", "25P01", None, "no transaction"),
    ("GRANT ALL ON account TO eve", "42601", (1, 1), "GRANT"),
    ("WITH x AS (SELECT 1) SELECT * FROM x", "42601", (1, 1), "WITH"),
    *(
        (text, "0A000", None, "not supported")
        for text in (
            "SELECT id FROM account FOR UPDATE",
            "SELECT COUNT(*) OVER () FROM account",
            "SELECT id FROM account UNION SELECT 1",
            "SELECT (SELECT 1)",
            "SELECT id FROM account WHERE id IN (SELECT 1)",
            "SELECT id FROM account RIGHT JOIN account AS b ON TRUE",
            "SELECT id FROM account TABLESAMPLE BERNOULLI (10)",
            "SELECT DISTINCT ON (id) id FROM account",
            "SELECT SUM(id) FILTER (WHERE id > 1) FROM account",
            "INSERT INTO account (id, owner) VALUES (1, 'x') ON CONFLICT DO NOTHING",
            "DELETE FROM account RETURNING id",
            "CREATE VIEW v AS SELECT 1",
            "CREATE TABLE t (id INT PRIMARY KEY, other INT REFERENCES account (id))",
            "SET search_path = 'x'",
        )
    ),
]


@pytest.mark.parametrize(("text", "sqlstate", "at", "words"), WRONG, ids=[each[0][:60] for each in WRONG])
def test_a_wrong_statement(bank: Any, text: str, sqlstate: str, at: tuple[int, int] | None, words: str) -> None:
    before = bank("SELECT * FROM account"), bank("SHOW TABLES")
    with pytest.raises(SqlError) as caught:
        bank(text)
    assert caught.value.sqlstate == sqlstate, str(caught.value)
    assert words in caught.value.message
    assert at is None or (caught.value.line, caught.value.column) == at
    assert (bank("SELECT * FROM account"), bank("SHOW TABLES")) == before


def test_an_error_rolls_the_whole_transaction_back(bank: Any) -> None:
    bank("BEGIN")
    bank("INSERT INTO account (id, owner) VALUES (3, 'eve')")
    with pytest.raises(SqlError, match="23505"):
        bank("INSERT INTO account (id, owner) VALUES (4, 'fay'), (1, 'x')")
    for text in ("SELECT 1", "INSERT INTO account (id, owner) VALUES (5, 'x')", "BEGIN"):
        with pytest.raises(SqlError, match="25P02"):
            bank(text)
    with pytest.raises(SqlError, match="25P02"):
        bank("COMMIT")
    assert bank("SELECT id FROM account") == [(1,), (2,)]
    assert bank.session.state == "idle"


def test_a_conflict_is_the_clients_to_repeat_in_its_own_transaction(bank: Any, database: Any) -> None:
    other = Client(database)
    bank("BEGIN")
    assert bank("SELECT balance FROM account WHERE id = 1") == [(10,)]
    other("UPDATE account SET balance = 11 WHERE id = 1")
    bank("UPDATE account SET balance = 12 WHERE id = 2")
    with pytest.raises(RetryableError) as caught:
        bank("COMMIT")
    assert caught.value.sqlstate == "40001"
    assert bank("SELECT balance FROM account") == [(11,), (20,)]


def test_a_long_statement_is_refused_at_once(sql: Any) -> None:
    for text in ("SELECT " + "1 + " * 300_000 + "1", "SELECT '" + "x" * 1_000_000 + "'", "é" * 200_000):
        begun = time.process_time()
        with pytest.raises(SqlError, match="54000"):
            sql(text)
        assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
        "SELECT " + "NOT " * 30_000 + "TRUE",
        "SELECT " + "- " * 50_000 + "1",
        "SELECT " + "CASE WHEN TRUE THEN " * 5_000 + "1" + " END" * 5_000,
        "SELECT " + "1 + " * 10_000 + "1",
        "SELECT " + "'a' || " * 6_000 + "'b'",
        "SELECT * FROM t WHERE " + "a = ANY (ARRAY[" * 3_000,
        "SELECT " + "ABS(" * 20_000 + "1" + ")" * 20_000,
        "SELECT 1 FROM " + "(" * 10_000,
        "SELECT " + "a." * 10_000 + "b",
        "SELECT * FROM " + "t JOIN " * 10_000 + "t",
        "SELECT " + "x::int" * 10_000,
        "CREATE TABLE t (" + ", ".join(f"c{n} INT" for n in range(10_000)) + ", PRIMARY KEY (c1))",
    ],
    ids=lambda text: text[:30],
)
def test_hostile_statements_end_in_bounded_time(bank: Any, text: str) -> None:
    begun = time.process_time()
    with pytest.raises(DatabaseError) as caught:
        bank(text[:250_000])
    assert caught.value.sqlstate in ("54001", "42601", "54000", "0A000"), str(caught.value)
    assert time.process_time() - begun < 4


def test_chains_of_and_and_or_may_be_long(bank: Any) -> None:
    many = " OR ".join(f"id = {number}" for number in range(1_500))
    assert bank(f"SELECT id FROM account WHERE {many}") == [(1,), (2,)]
    assert bank(f"SELECT id FROM account WHERE {' AND '.join(['id > 0'] * 1_500)}") == [(1,), (2,)]


def test_a_key_may_not_be_too_long(bank: Any) -> None:
    with pytest.raises(SqlError, match=r"54000: key of 5,0\d\d bytes in `by_owner`: at most 4,096"):
        bank("INSERT INTO account (id, owner) VALUES (3, $1)", "x" * 5_000)
    bank("INSERT INTO account (id, owner) VALUES (3, $1)", "x" * 4_000)


@pytest.mark.parametrize(
    ("value", "sqlstate"),
    [(2**63, "22003"), (float("nan"), "22003"), ("\ud800", "22P02"), (b"x", "42804"), ([], "42804")],
)
def test_a_parameter_must_be_a_value(bank: Any, value: Any, sqlstate: str) -> None:
    with pytest.raises(SqlError, match=sqlstate):
        bank("SELECT $1", value)


def test_rows_in_memory_are_bounded(database: Any) -> None:
    client = Client(database, limits=Limits(rows=1000))
    client("CREATE TABLE t (id INT PRIMARY KEY)")
    client(f"INSERT INTO t VALUES {', '.join(f'({number})' for number in range(200))}")
    assert client("SELECT COUNT(*) FROM t") == [(200,)]
    with pytest.raises(SqlError, match="53200"):
        client("SELECT COUNT(*) FROM t AS a JOIN t AS b ON TRUE")


def test_the_statement_timeout_cancels_and_rolls_back(database: Any) -> None:
    client = Client(database)
    client("CREATE TABLE t (id INT PRIMARY KEY)")
    client("SET statement_timeout = 20")
    client("BEGIN")
    client("INSERT INTO t VALUES (1)")
    transaction = client.session._open.transaction

    async def never(*_: Any, **__: Any) -> None:
        await asyncio.sleep(60)

    transaction.scan = never
    with pytest.raises(DatabaseError) as caught:
        client("SELECT * FROM t")
    assert caught.value.sqlstate == "57014"
    assert client.session.state == "failed"
    client("ROLLBACK")
    assert client("SELECT * FROM t") == []


@pytest.mark.parametrize("texts", [("BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"), ("INSERT INTO t VALUES (1)",)])
def test_a_commit_that_the_statement_timeout_interrupts_is_uncertain(database: Any, texts: tuple[str, ...]) -> None:
    client = Client(database)
    client("CREATE TABLE t (id INT PRIMARY KEY)")
    client("SELECT * FROM t")  # so that the gateway knows the table
    client("SET statement_timeout = 20")
    began = database.begin

    def begin(*args: Any, **options: Any) -> Any:
        transaction = began(*args, **options)
        commit = transaction.commit

        async def slow(**options: Any) -> int:
            timestamp = await commit(**options)
            await asyncio.sleep(60)  # it has happened, and nobody hears of it in time
            return timestamp

        transaction.commit = slow
        return transaction

    database.begin = begin
    for text in texts[:-1]:
        client(text)
    with pytest.raises(AmbiguousResult):
        client(texts[-1])
    database.begin = began
    assert client.session.state == "idle"
    assert client("SELECT * FROM t") == [(1,)]
