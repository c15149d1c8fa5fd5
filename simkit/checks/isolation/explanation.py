"""Why it is an anomaly, in words: what each transaction did, and for each edge of a cycle the reason it is there.

A reader should be able to check every line against the history by hand, without knowing what Adya's letters mean.

It deliberately draws nothing: the same edges as a picture are the report's work, from the data given here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from simkit.checks.check import Step
from simkit.checks.isolation.anomaly import Anomaly, Edge
from simkit.checks.isolation.key_history import shown
from simkit.checks.isolation.transaction import MicroOperation, Transaction
from simkit.checks.isolation.version_order import VersionOrder
from simkit.observe.document import CycleEdgeEntry, CycleEntry, CycleTransactionEntry
from simkit.observe.moment import moment

STEPS_SHOWN_MAX = 6
"""Micro-operations of one transaction that an explanation tells."""

CYCLE_SHOWN_MAX = 10
"""Transactions of a cycle that an explanation tells and draws; a longer one has no picture."""


class Explanation:
    """Explains anomalies of one history.

    Args:
        transactions: all of them.
        orders: what is known of each key.
    """

    def __init__(self, transactions: Sequence[Transaction], orders: Sequence[VersionOrder]) -> None:
        self._transactions = transactions
        self._orders: Mapping[Any, VersionOrder] = {order.history.key: order for order in orders}

    def headline(self, anomaly: Anomaly) -> str:
        """Return one line: what it is called, and who is in it."""
        keys = list(dict.fromkeys(f"{edge.key!s:.24}" for edge in anomaly.cycle if edge.kind in ("ww", "wr", "rw")))
        where = f" on {', '.join(keys[:4])}{' ..' if len(keys) > 4 else ''}" if keys and "->" in anomaly.text else ""
        rest = "" if anomaly.smallest else " (a smaller cycle may exist)"
        return f"{anomaly.title}: {anomaly.text}{where}{rest}"

    def story(self, anomaly: Anomaly) -> list[Step]:
        """Return what the transactions did and why each edge is there, in the order of their ends."""
        steps = [
            Step(_told_ns(each), each.host, f"{each.name} {self.told(each)}")
            for each in (self._transactions[index] for index in anomaly.transactions[:CYCLE_SHOWN_MAX])
        ]
        last_ns = max(step.time_ns for step in steps)
        host = next(step.host for step in steps if step.time_ns == last_ns)
        for edge in anomaly.cycle[:CYCLE_SHOWN_MAX]:
            steps.append(
                Step(last_ns, host, f"{self._name(edge.source)} before {self._name(edge.target)}: {self.reason(edge)}")
            )
        steps.sort(key=lambda step: step.time_ns)
        return [*steps, Step(last_ns, host, self.headline(anomaly))]

    def picture(self, anomaly: Anomaly) -> CycleEntry | None:
        """Return a cycle as data for a drawing; None where there is none, or it is too long for one."""
        if not anomaly.cycle or len(anomaly.cycle) > CYCLE_SHOWN_MAX:
            return None
        place = {edge.source: number for number, edge in enumerate(anomaly.cycle)}
        chosen = [self._transactions[index] for index in place]
        return CycleEntry(
            title=anomaly.title,
            transactions=tuple(
                CycleTransactionEntry(
                    name=each.name,
                    process=each.process,
                    text=self.told(each),
                    begin_ns=each.invoked_ns,
                    end_ns=each.completed_ns if each.status == "committed" else None,
                )
                for each in chosen
            ),
            edges=tuple(
                CycleEdgeEntry(
                    source=place[edge.source],
                    target=place[edge.target],
                    kind=edge.kind,
                    key="" if edge.kind in ("process", "realtime") else f"{edge.key!s:.24}",
                    text=self.reason(edge),
                )
                for edge in anomaly.cycle
            ),
        )

    def told(self, transaction: Transaction) -> str:
        """Return what a transaction did, in one line."""
        steps = [self._step(each) for each in transaction.operations[:STEPS_SHOWN_MAX]]
        if len(transaction.operations) > STEPS_SHOWN_MAX:
            steps.append(f"{len(transaction.operations) - STEPS_SHOWN_MAX} more")
        ending = {"committed": "", "aborted": "; aborted", "indeterminate": "; outcome unknown to its client"}
        return f"{', '.join(steps) or 'did nothing'}{ending[transaction.status]}"

    def reason(self, edge: Edge) -> str:
        """Return why an edge is there, so that it can be checked against the history."""
        source, target = self._transactions[edge.source], self._transactions[edge.target]
        if edge.kind == "process":
            return f"{target.name} came after it on {source.process}"
        if edge.kind == "realtime":
            ended_ns = source.completed_ns if source.completed_ns is not None else source.invoked_ns
            return (
                f"{source.name} was complete at {moment(ended_ns)}, {target.name} began at {moment(target.invoked_ns)}"
            )
        history = self._orders[edge.key].history
        is_list = history.kind == "list"
        before, after = shown(edge.before), shown(edge.after)
        if edge.kind == "wr":
            how = "appended" if is_list else "wrote"
            return f"{target.name} read {edge.key} {self._up_to(edge)}, which {source.name} {how}"
        if edge.kind == "rw":
            how = "appended" if is_list else "wrote"
            return f"{source.name} read {edge.key} {self._up_to(edge)}, not yet {after}, which {target.name} {how}"
        if edge.target not in self._orders[edge.key].overwriters.get(edge.before, ()):
            return (
                f"one of the two came second on {edge.key}, say {target.name} with {after}, not having seen the other"
            )
        if is_list:
            witness = self._orders[edge.key].shown_by
            seen = edge.after not in self._orders[edge.key].unseen
            who = f" (so read by {self._name(witness)})" if witness is not None and seen else " (which no read shows)"
            return f"{target.name} appended {after} to {edge.key} after {source.name}'s {before}{who}"
        return f"{target.name} wrote {after} to {edge.key} after {source.name}'s {before}"

    def _up_to(self, edge: Edge) -> str:
        if edge.before is None:
            return "as it was at first"
        return f"up to {shown(edge.before)}" if self._orders[edge.key].history.kind == "list" else f"= {edge.before}"

    def _step(self, step: MicroOperation) -> str:
        if step.kind == "append":
            return f"appended {shown(step.value)} to {step.key}"
        if step.kind == "write":
            return f"wrote {step.key} = {shown(step.value)}"
        value = tuple(step.value) if isinstance(step.value, list) else step.value
        return f"read {step.key} = {shown(value)}"

    def _name(self, index: int) -> str:
        return self._transactions[index].name


def _told_ns(transaction: Transaction) -> int:
    return transaction.invoked_ns if transaction.completed_ns is None else transaction.completed_ns
