"""The checks of SQL fail on what breaks them, and say nothing of the nearest thing that does not."""

from simkit.checks import Check
from simkit.node import Event
from simkit_nodes.database.checks.sql import IndexConsistent, SqlEqualsSqlite
from simkit_nodes.database.sql.events import IndexCompared, SchemaPublished, SqlCompared


def told(check: Check, *events: Event) -> list[str]:
    """Show a check what happened; return its violations."""
    for time_ns, event in enumerate(events):
        for see in check.sights(type(event)):
            see(time_ns, "gateway", event)
    check.conclude(1000)
    return [each.text for each in check.violations]


def test_an_entry_without_a_row_and_a_row_without_an_entry() -> None:
    published, right = SchemaPublished("t", 2, ("by_a public",)), IndexCompared("t", "by_a", 5, 0, 0, "")
    assert told(IndexConsistent(), published, right) == []
    check = IndexConsistent()
    missing, dangling = (IndexCompared("t", "by_a", 5, *each, "/100/1/0") for each in ((1, 0), (0, 1)))
    assert told(check, published, right, missing, dangling) == [
        "index by_a of t: 1 of 5 rows without an entry, 0 entries without a row, such as /100/1/0",
        "index by_a of t: 0 of 5 rows without an entry, 1 entries without a row, such as /100/1/0",
    ]
    assert check.violations[0].story[0].text == "version 2 of t: by_a public"


def test_without_a_comparison_nobody_knows() -> None:
    for check in (IndexConsistent(), SqlEqualsSqlite()):
        assert told(check) == []
        assert check.undecided


def test_an_answer_that_sqlite_would_not_give() -> None:
    check = SqlEqualsSqlite()
    assert told(check, SqlCompared("SELECT 1", "")) == []
    assert check.summary() == "1 statements compared with SQLite, 0 different"
    assert told(check, SqlCompared("SELECT 2", "only here: [(3,)]")) == ["only here: [(3,)]: SELECT 2"]
