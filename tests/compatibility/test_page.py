"""`docs/compatibility.md` is what the probes say of themselves today, and what it says is refused is refused."""

from pathlib import Path

import page
import refusals

from simkit.kernel.worker import Worker

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_up_to_date(interpreters: tuple[Worker, Worker]) -> None:
    fresh = page.page(interpreters[0])
    assert (DOCS / "compatibility.md").read_text(encoding="utf-8") == fresh, "`make docs` writes it again"


def test_what_is_said_to_be_refused_is_refused(interpreters: tuple[Worker, Worker]) -> None:
    said = interpreters[0].call("refusals:attempt")
    missed = [
        (refusal.call, text) for refusal, text in zip(refusals.REFUSALS, said, strict=True) if refusal.says not in text
    ]
    assert missed == []
