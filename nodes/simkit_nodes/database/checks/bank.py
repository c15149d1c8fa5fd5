"""The bank: transfers move money between accounts, so whoever reads all accounts reads the same total.

It deliberately asks no account for its balance: which of two transfers came first is the isolation check's question.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from simkit.checks import Conservation, Step, sees
from simkit.observe.history import Operation
from simkit_nodes.database.events import TransactionAbandoned, TransactionRecovered


class BankTotal(Conservation):
    """The sum of all accounts is what it was, in every transaction that reads them."""

    name = "bank_total"
    initial = 0
    functions: ClassVar[tuple[str, ...]] = ("total", "transfer")

    def __init__(self) -> None:
        super().__init__()
        self._decisions: list[Step] = []
        self._recovered: set[int] = set()

    @sees(TransactionRecovered, TransactionAbandoned)
    def _decided(self, time_ns: int, host: str, event: TransactionRecovered | TransactionAbandoned) -> None:
        done = isinstance(event, TransactionRecovered) and event.committed
        ending = "has committed" if done else "is aborted"
        which = f"transaction {event.transaction}"
        if isinstance(event, TransactionRecovered) and event.request:
            which = f"request {event.request}, {which},"
            self._recovered.add(event.request)
        text = f"decides that {which} {ending}: its gateway is silent"
        self._decisions.append(Step(time_ns, host, text))

    def total_of(self, operation: Operation) -> int | None:
        return int(operation.output) if operation.function == "total" and operation.outcome == "ok" else None

    def explain(self, operation: Operation) -> Iterator[Step]:
        """Tell the transfers of which nobody knows the end and what stores decided, since the total before this one."""
        before_ns, last = 0, 0
        for each in self.operations:
            total = self.total_of(each)
            if total is not None and before_ns < (each.completed_ns or 0) <= operation.invoked_ns:
                before_ns, last = each.completed_ns or 0, total
        for each in self.operations:
            if each.function == "transfer" and each.outcome == "info" and before_ns <= (each.completed_ns or before_ns):
                source, target, amount = each.input
                request = each.serial + 1
                if request in self._recovered or abs(amount) == abs(int(operation.output) - last):
                    text = (
                        f"{each.process} asks for a transfer of {amount} from {source} to {target} "
                        f"(request {request}), and is not answered"
                    )
                    yield Step(each.invoked_ns, each.host, text)
        yield from (step for step in self._decisions if step.time_ns >= before_ns)
