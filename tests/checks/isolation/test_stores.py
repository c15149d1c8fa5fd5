"""Stores that really have a level are never accused of less; weaker stores show what they lack."""

from random import Random

import pytest
from isolation_stores import STORES, Model, played

from simkit.checks.isolation import judge_isolation

HAS = {
    "strict-serializable": "strict-serializable",
    "strong-snapshot-isolation": "strong-snapshot-isolation",
    "read-committed": "read-committed",
    "read-uncommitted": "read-uncommitted",
}
LACKS = {
    "strong-snapshot-isolation": "serializable",
    "read-committed": "parallel-snapshot-isolation",
    "read-uncommitted": "read-committed",
}
WEAKER = {
    "strict-serializable": ("serializable", "strong-snapshot-isolation", "strong-session-serializable"),
    "strong-snapshot-isolation": ("snapshot-isolation", "parallel-snapshot-isolation", "read-committed"),
    "read-committed": ("read-uncommitted",),
    "read-uncommitted": (),
}


@pytest.mark.parametrize("model", ["list", "register"])
@pytest.mark.parametrize("store", HAS)
@pytest.mark.parametrize("seed", range(4))
def test_a_store_is_not_accused_of_less_than_its_level(store: str, model: Model, seed: int) -> None:
    draw = Random(seed).randrange
    history = played(STORES[store](), draw, transactions=250, clients=6, keys=4, steps=4, model=model, final=True)
    assert {each.status for each in history} == {"committed", "aborted", "indeterminate"}
    for level in (HAS[store], *WEAKER[store]):
        found = judge_isolation(history, level)
        assert found.verdict == "pass", (level, found.forbidden)


# Of registers that are written blindly the order is seldom known, and with it goes the write skew of snapshots.
@pytest.mark.parametrize(
    ("store", "model"), [(store, "list") for store in LACKS] + [(store, "register") for store in list(LACKS)[1:]]
)
def test_a_store_shows_what_it_lacks(store: str, model: Model) -> None:
    draw = Random(1).randrange
    history = played(STORES[store](), draw, transactions=250, clients=6, keys=4, steps=4, model=model, final=True)
    assert judge_isolation(history, LACKS[store]).verdict == "fail"
