"""Which index a statement reads, how narrow, and how it joins: what EXPLAIN says."""

from typing import Any

import pytest

SCHEMA = (
    "CREATE TABLE orders (id INT PRIMARY KEY, customer INT NOT NULL, state TEXT, total REAL, day INT)",
    "CREATE INDEX by_customer ON orders (customer, day)",
    "CREATE INDEX by_state ON orders (state)",
    "CREATE TABLE customers (id INT PRIMARY KEY, name TEXT, region TEXT)",
    "CREATE TABLE lines (order_id INT, number INT, item TEXT, PRIMARY KEY (order_id, number))",
)


@pytest.fixture
def shop(sql: Any) -> Any:
    for text in SCHEMA:
        sql(text)
    return sql


def plan(shop: Any, text: str, *parameters: Any) -> list[str]:
    return [row[0] for row in shop(f"EXPLAIN {text}", *parameters)]


def test_equality_on_the_primary_key(shop: Any) -> None:
    assert plan(shop, "SELECT total FROM orders WHERE id = $1", 7) == [
        "project total",
        "  scan orders@primary (id) by (id = $1) where (id = $1)",
    ]


def test_the_index_with_the_longest_bounded_beginning(shop: Any) -> None:
    (_, scan) = plan(shop, "SELECT * FROM orders WHERE customer = 5 AND day BETWEEN 1 AND 9 AND state = 'new'")
    assert "orders@by_customer (customer, day) by (customer = 5), (day >= 1) AND (day <= 9)" in scan


def test_an_index_that_knows_all_that_is_needed_is_read_alone(shop: Any) -> None:
    (_, scan) = plan(shop, "SELECT id FROM orders WHERE state LIKE 'ne%'")
    assert scan.startswith("  index only scan orders@by_state (state) by (state LIKE 'ne%')")


def test_or_and_in_become_several_ranges(shop: Any) -> None:
    for where in ("id IN (1, 2, 9)", "(id = 1 OR id = 2 OR id > 100)"):
        assert plan(shop, f"SELECT total FROM orders WHERE {where}")[1].startswith("  scan orders@primary (id) by")


def test_a_condition_of_no_index_is_a_filter_of_a_full_scan(shop: Any) -> None:
    assert (
        plan(shop, "SELECT id, total FROM orders WHERE total > 5")[1] == "  scan orders@primary all where (total > 5)"
    )


def test_an_order_that_an_index_has_is_not_sorted(shop: Any) -> None:
    assert plan(shop, "SELECT id FROM orders WHERE customer = 5 ORDER BY day DESC LIMIT 3") == [
        "limit 3",
        "  project id",
        "    index only scan orders@by_customer (customer) by (customer = 5) backwards where (customer = 5)",
    ]
    assert any("sort" in line for line in plan(shop, "SELECT id FROM orders WHERE customer = 5 ORDER BY total"))
    assert any("sort" in line for line in plan(shop, "SELECT id FROM orders ORDER BY customer, day DESC"))


def test_predicates_are_pushed_below_the_join(shop: Any) -> None:
    lines = plan(
        shop,
        "SELECT name FROM customers c JOIN orders o ON c.id = o.customer WHERE c.id = 3 AND o.state = 'new'",
    )
    assert lines[1].startswith("  join by")
    assert any("orders@by_state (state) by (o.state = 'new')" in line for line in lines)
    assert "scan customers@primary (id) by (c.id = 3)" in lines[2]


def test_what_concerns_the_right_of_a_left_join_stays_above_it(shop: Any) -> None:
    lines = plan(shop, "SELECT c.id FROM customers c LEFT JOIN orders o ON c.id = o.customer WHERE o.id IS NULL")
    assert lines[1] == "  filter where (o.id IS NULL)"
    assert lines[2].startswith("    left join")


def test_a_join_by_key_of_few_rows_looks_up(shop: Any) -> None:
    lines = plan(shop, "SELECT item FROM orders o JOIN lines l ON l.order_id = o.id WHERE o.id = 4")
    assert lines[1].startswith("  join by index lines@primary (order_id)")


def test_a_join_of_everything_hashes_and_one_without_equality_tries_each_with_each(shop: Any) -> None:
    assert "join by hash on" in plan(shop, "SELECT 1 FROM orders o JOIN customers c ON o.total = c.id")[1]
    assert "each with each" in plan(shop, "SELECT 1 FROM orders o JOIN customers c ON o.total < c.id")[1]


def test_reads_are_as_narrow_as_the_plan_says(shop: Any, database: Any) -> None:
    values = ", ".join(f"({number}, {number % 10}, 'new', 1.0, {number})" for number in range(500))
    shop(f"INSERT INTO orders VALUES {values}")
    read = []
    begin = database.begin

    def counting(*given: Any, **options: Any) -> Any:
        transaction = begin(*given, **options)
        scan, get = transaction.scan, transaction.get

        async def counted_scan(*given: Any, **options: Any) -> Any:
            pairs = await scan(*given, **options)
            read.extend(key for key, _ in pairs if key.startswith(b"t"))
            return pairs

        async def counted_get(key: bytes) -> Any:
            read.append(key) if key.startswith(b"t") else None
            return await get(key)

        transaction.scan, transaction.get = counted_scan, counted_get
        return transaction

    database.begin = counting
    for text, most in (
        ("SELECT * FROM orders WHERE id = 77", 1),
        ("SELECT * FROM orders WHERE id IN (1, 2, 3)", 3),
        ("SELECT id FROM orders WHERE customer = 5 AND day > 480", 2),
        ("SELECT * FROM orders ORDER BY id DESC LIMIT 2", 2),
        ("UPDATE orders SET total = 2.0 WHERE id = 5", 1),
    ):
        read.clear()
        shop(text)
        assert 1 <= len(read) <= most, text
