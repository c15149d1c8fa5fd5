"""SQL on replicated ranges while hosts die: SQLite agrees, indexes agree, and without a state of F1 they do not."""

from pathlib import Path

import pytest

from simkit.explore.run import run_scenario
from simkit.observe.document import Document

LIBRARY = Path(__file__).parents[4] / "scenarios" / "database"
SHORT_ORACLE = ["duration=25s", "load.statements.until=20s"]
SHORT_INDEX = [
    "duration=25s",
    "load.items.until=20s",
    "load.index.until=12s",
    "load.checks.until=24s",
    "faults.restart.every=exp(8s)",
    "faults.restart.until=15s",
]


def said(document: Document) -> list[tuple[str, str, str]]:
    return [(each.verdict, each.text, each.summary) for each in document.expectations]


def test_random_statements_answer_as_sqlite_does() -> None:
    document = run_scenario(LIBRARY / "sql_oracle.yaml", overrides=SHORT_ORACLE)
    assert document.error is None
    assert document.verdict == "pass", said(document)
    assert not said(document)[0][2].startswith("0 ")


@pytest.mark.parametrize("variant", [None, "no_write_only", pytest.param("no_delete_only", marks=pytest.mark.audit)])
def test_an_index_is_made_while_everybody_writes(variant: str | None) -> None:
    document = run_scenario(LIBRARY / "online_index.yaml", variant=variant, overrides=[*SHORT_INDEX, "seed=4"])
    assert document.error is None
    assert document.as_declared, said(document)
