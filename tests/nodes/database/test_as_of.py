"""AS OF SYSTEM TIME over a whole cluster: statements read the past, tables included, and wrong times are errors."""

import pytest
from cluster_site import STORES, Cluster

from simkit_nodes.database.sql.as_of import AsOf
from simkit_nodes.database.sql.errors import SqlError
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.parse import parse

MADE_S, CHANGED_S = 3, 13
"""When the table is made, and when a row of it is changed."""


def make():
    cluster = Cluster(store={"closed_lag": "500ms"}, gateway={"closed_lag": "500ms"})
    cluster.elapse(MADE_S)
    assert cluster.sql("CREATE TABLE items (id INT PRIMARY KEY, amount INT)").text == ""
    assert cluster.sql("INSERT INTO items VALUES (1, 10), (2, 20)").text == ""
    cluster.elapse(CHANGED_S - cluster.world.now_ns / 1e9)
    assert cluster.sql("UPDATE items SET amount = 11 WHERE id = 1").text == ""
    cluster.elapse(5)
    return cluster


@pytest.fixture(scope="module")
def cluster():
    cluster = make()
    yield cluster
    cluster.close()


def amount(cluster, time):
    answer = cluster.sql(f"SELECT amount FROM items AS OF SYSTEM TIME {time} WHERE id = 1")
    assert answer.text == ""
    return answer.rows


def unix_ns(cluster, seconds):
    return cluster.world.epoch_ns + seconds * 10**9


@pytest.mark.parametrize("time", ["'-1s'", "'-1500ms'", "follower_read_timestamp()", "with_max_staleness('3s')"])
def test_a_statement_reads_the_recent_past_in_four_ways(cluster, time):
    assert amount(cluster, time) == ((11,),)


def test_a_statement_reads_before_a_change(cluster):
    now_s = cluster.world.now_ns // 10**9
    assert amount(cluster, unix_ns(cluster, CHANGED_S - 1)) == ((10,),)
    assert amount(cluster, f"'{unix_ns(cluster, CHANGED_S - 1)}'") == ((10,),)
    assert amount(cluster, f"'-{now_s - CHANGED_S + 2}s'") == ((10,),)


def test_before_a_table_was_made_there_is_none(cluster):
    answer = cluster.sql(f"SELECT * FROM items AS OF SYSTEM TIME {unix_ns(cluster, 1)}")
    assert answer.sqlstate == "42P01"


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        ("SELECT * FROM items AS OF SYSTEM TIME '5s'", "42601"),
        ("SELECT * FROM items AS OF SYSTEM TIME '-5 parsecs'", "22023"),
        ("SELECT * FROM items AS OF SYSTEM TIME with_max_staleness('-5s')", "22023"),
        ("SELECT * FROM items AS OF SYSTEM TIME with_max_staleness(5)", "42601"),
        ("SELECT * FROM items AS OF SYSTEM TIME", "42601"),
        ("SELECT * FROM items AS OF SYSTEM TIME 99999999999999999999", "22023"),
        ("SELECT * FROM items AS OF SYSTEM TIME '-1s' AS OF SYSTEM TIME '-1s'", "42601"),
        ("DELETE FROM items AS OF SYSTEM TIME '-1s'", "0A000"),
    ],
)
def test_a_time_that_is_none_is_an_error(cluster, text, sqlstate):
    assert cluster.sql(text).sqlstate == sqlstate
    assert cluster.sql("SELECT amount FROM items WHERE id = 1").rows == ((11,),)


def test_within_a_transaction_of_the_client_there_is_no_other_time(cluster):
    assert cluster.sql("BEGIN", session="two").state == "open"
    answer = cluster.sql("SELECT * FROM items AS OF SYSTEM TIME '-1s'", session="two")
    assert (answer.sqlstate, answer.state) == ("25001", "failed")
    cluster.sql("ROLLBACK", session="two")


def test_the_rest_of_a_statement_keeps_its_places():
    statement = parse("SELECT a FROM b AS OF SYSTEM TIME '-5s' WHERE c = 1", Limits())
    assert statement.as_of == AsOf("ago", 5 * 10**9)
    assert statement.tree.sql() == "SELECT a FROM b WHERE c = 1"
    with pytest.raises(SqlError) as wrong:
        parse("SELECT a FROM b AS OF SYSTEM TIME '-5s' WHERE", Limits())
    assert (wrong.value.line, wrong.value.column) == (1, 41)


def test_the_last_store_of_a_cluster_still_answers_for_the_past_and_only_for_that():
    cluster = make()
    for name in STORES[1:]:
        cluster.hosts[name].hold(cluster, "kill")
    cluster.elapse(5)  # meanwhile the gateway finds out who is near
    assert amount(cluster, "with_max_staleness('1m')") == ((11,),)
    assert amount(cluster, unix_ns(cluster, CHANGED_S - 1)) == ((10,),)
    assert cluster.sql("SELECT amount FROM items WHERE id = 1").sqlstate == "57014"
    cluster.close()
