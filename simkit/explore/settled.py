"""Several seeds of one scenario: a `sometimes` that one of them reached is reached.

A run says "never seen in this run"; what a scenario promises is that it can be seen. So where many seeds ran, the
others are no longer open because of it.

It deliberately changes nothing else: what failed with one seed has failed.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from simkit.explore.judgement import worst
from simkit.observe.document import Document, ExpectationEntry

Key = tuple[str, str | None, tuple[str, ...]]


def settled(documents: Sequence[Document]) -> list[Document]:
    """Return the documents, in order, in which a `sometimes` that another seed of the same reached is reached too."""
    reached: dict[tuple[Key, str], int] = {}
    for document in documents:
        for each in document.expectations:
            if each.kind == "sometimes" and each.verdict == "pass":
                reached.setdefault((_key(document), each.text), document.seed)
    return [_with(document, reached) for document in documents]


def _key(document: Document) -> Key:
    return document.scenario, document.variant, document.changes


def _with(document: Document, reached: dict[tuple[Key, str], int]) -> Document:
    expectations = tuple(_reached(each, reached.get((_key(document), each.text))) for each in document.expectations)
    if expectations == document.expectations or document.error is not None or document.ended_ns is not None:
        return replace(document, expectations=expectations)
    verdict = worst(each.verdict for each in expectations)
    declared = all(each.as_declared for each in expectations)
    return replace(document, expectations=expectations, verdict=verdict, as_declared=declared)


def _reached(each: ExpectationEntry, seed: int | None) -> ExpectationEntry:
    if each.kind != "sometimes" or each.verdict == "pass" or seed is None:
        return each
    return replace(each, verdict="pass", as_declared=True, summary=f"not in this run; reached with seed {seed}")
