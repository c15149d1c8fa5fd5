"""SQL: the same statements over the same tables, with answers that must be equal before time counts.

Two tables, customers and their orders, loaded beforehand. The cases read and change single rows by their keys, or join,
group and sort thousands. What SQLite answered when the input was made is what everybody must answer.
"""

import sqlite3
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, ours, require_items

TABLES = (
    "CREATE TABLE customers (id INT PRIMARY KEY NOT NULL, name TEXT NOT NULL, region TEXT)",
    "CREATE TABLE orders (id INT PRIMARY KEY NOT NULL, customer INT NOT NULL, state TEXT, total REAL)",
)
INDEXES = ("CREATE INDEX by_customer ON orders (customer)", "CREATE INDEX by_state ON orders (state, total)")
KEYED = (
    "SELECT name, region FROM customers WHERE id = $1",
    "SELECT id, total FROM orders WHERE customer = $1 ORDER BY id",
    "UPDATE orders SET total = total + 0.25 WHERE id = $1",
    "SELECT c.name, o.total FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id = $1",
)
REPORTS = (
    "SELECT region, COUNT(*), SUM(total) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY 1 ORDER BY 1",
    "SELECT customer, SUM(total) FROM orders WHERE state = 'paid' GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 2 DESC, 1",
    "SELECT id, total FROM orders WHERE state = 'open' AND total > 40.0 ORDER BY total DESC, id LIMIT 20",
    "SELECT DISTINCT state FROM orders ORDER BY state",
)
Asked = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Statements:
    """What to load, what to ask, and what SQLite answered: rows, or how many were changed."""

    customers: list[tuple[Any, ...]]
    orders: list[tuple[Any, ...]]
    asked: list[Asked]
    answers: list[Any]


def inputs(share: float, customers: int, orders: int, statements: int, keyed: int) -> Statements:
    """Return statements over that many rows: by key, or reports over all of them."""
    random = Random(orders)
    people = [(number, f"name {number}", random.choice(("north", "south", None))) for number in range(customers)]
    bought = [
        (number, random.randrange(customers), random.choice(("open", "paid", "sent")), random.randrange(400) / 4)
        for number in range(orders)
    ]
    asked: list[Asked] = []
    for number in range(int(statements * share)):
        text = (KEYED if keyed else REPORTS)[number % 4]
        asked.append((text, (random.randrange(orders if " orders " in text else customers),) if keyed else ()))
    given = Statements(people, bought, asked, [])
    connection = loaded(given)
    given.answers.extend(answer(connection, text, parameters) for text, parameters in asked)
    connection.close()
    return given


def loaded(given: Statements) -> sqlite3.Connection:
    """Return an SQLite database in memory with the tables, rows and indexes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for text in TABLES:
        connection.execute(text)
    connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", given.customers)
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", given.orders)
    for text in INDEXES:
        connection.execute(text)
    return connection


def answer(connection: sqlite3.Connection, text: str, parameters: tuple[Any, ...]) -> Any:
    """Return the rows of a query, or the number of rows that a change has changed."""
    done = connection.execute(text.replace("$1", "?1"), parameters)
    return done.fetchall() if text.startswith("SELECT") else done.rowcount


def check(given: Statements, outcome: Outcome, contender: Contender) -> None:
    """Every statement was answered as SQLite answered it."""
    require_items(outcome, len(given.asked))
    if outcome.figures["wrong"]:
        raise WrongOutcome(f"{outcome.figures['wrong']} answers are not SQLite's")


def wrong(given: Statements, answers: list[Any]) -> int:
    """Return how many answers are not those of SQLite."""
    return sum(one != other for one, other in zip(answers, given.answers, strict=True))


WORK = Work(
    name="sql",
    title="SQL statements over two tables in memory",
    unit="statements",
    baseline="sqlite3",
    cases=(
        Case(
            "by key",
            {
                "small": {"customers": 50, "orders": 200, "statements": 40, "keyed": 1},
                "medium": {"customers": 1_000, "orders": 5_000, "statements": 4_000, "keyed": 1},
                "full": {"customers": 10_000, "orders": 100_000, "statements": 20_000, "keyed": 1},
            },
        ),
        Case(
            "reports",
            {
                "small": {"customers": 50, "orders": 200, "statements": 4, "keyed": 0},
                "medium": {"customers": 1_000, "orders": 5_000, "statements": 20, "keyed": 0},
                "full": {"customers": 10_000, "orders": 50_000, "statements": 20, "keyed": 0},
            },
        ),
    ),
    contenders=(
        *ours("benchmarks.sql.with_simkit:prepare", "sessions over transactions and versions, one range without Raft"),
        Contender("sqlite3", "benchmarks.sql.with_sqlite:prepare", "SQLite in memory, in C, no network, one user"),
    ),
    inputs=inputs,
    check=check,
)
