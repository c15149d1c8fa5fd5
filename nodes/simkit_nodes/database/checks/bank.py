"""The bank: transfers move money between accounts, so whoever reads all accounts reads the same total.

It deliberately asks no account for its balance: which of two transfers came first is the isolation check's question.
"""

from __future__ import annotations

from typing import ClassVar

from simkit.checks import Conservation
from simkit.observe.history import Operation


class BankTotal(Conservation):
    """The sum of all accounts is what it was, in every transaction that reads them."""

    name = "bank_total"
    initial = 0
    functions: ClassVar[tuple[str, ...]] = ("total",)

    def total_of(self, operation: Operation) -> int | None:
        return None if operation.output is None else int(operation.output)
