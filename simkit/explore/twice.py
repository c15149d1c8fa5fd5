"""The same run twice, in two fresh interpreters: do they agree on every record, and if not, from where on not?

It deliberately compares records and not only digests: a digest says that two runs differ, a record says where to look.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simkit.explore.campaign import Order, carry_out
from simkit.explore.pool import Pool
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace, first_difference


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side; `difference` says in words which record is the first that differs."""

    first: Document
    second: Document
    difference: str

    @property
    def equal(self) -> bool:
        """Whether every byte was the same."""
        return self.first.digest == self.second.digest and not self.difference

    def in_words(self) -> str:
        """Say it to a person."""
        name = self.first.scenario + (f" · {self.first.variant}" if self.first.variant else "")
        if self.equal:
            counted = f"{self.first.events:,} events · digest {self.first.digest}"
            return f"{name} · seed {self.first.seed} · the same twice, {counted}"
        return f"{name} · seed {self.first.seed} · NOT the same twice\n{self.difference}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        digests = [self.first.digest, self.second.digest]
        return {"scenario": self.first.scenario, "equal": self.equal, "digests": digests, "difference": self.difference}


def compare(order: Order, pool: Pool) -> Comparison:
    """Run one order twice, each time in another worker, and compare."""
    with tempfile.TemporaryDirectory(prefix="simkit-twice-") as room:
        folders = [Path(room) / name for name in ("one", "other")]
        pool.size = max(2, pool.size)
        orders = [replace(order, folder=str(folder), trace="file", whole=False) for folder in folders]
        (_, first), (_, second) = carry_out(orders, pool)
        found = first_difference(*(StoredTrace(folder / "trace.bin") for folder in folders))
        difference = "" if found is None else found.in_words()
        if not difference and first.digest != second.digest:
            difference = f"every record that was kept is the same, the digests are {first.digest} and {second.digest}"
        return Comparison(first, second, difference)
