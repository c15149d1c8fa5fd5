"""The isolation check: whether the transactions of a run could have happened under an isolation level.

In the way of Elle (Kingsbury and Alvaro 2020): from what transactions read, infer the order of versions; from that,
which transaction must come before which; a cycle among them, or a read that no order explains, is an anomaly with a
name, and a level is a set of anomalies that may not be. What is found is really there; where a history tells little
(registers with blind writes) anomalies can go unseen. Of lists that are read in the end, none is missed.

It deliberately has no wall clock: what is too much for its limits is undecided, in every run in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from simkit.checks.check import VIOLATIONS_KEPT
from simkit.checks.history import HistoryCheck
from simkit.checks.isolation.anomaly import TITLES, Anomaly
from simkit.checks.isolation.cycle_search import VISITS_MAX, CycleSearch
from simkit.checks.isolation.dependency_graph import DependencyGraph
from simkit.checks.isolation.explanation import CYCLE_SHOWN_MAX, Explanation
from simkit.checks.isolation.key_history import key_histories
from simkit.checks.isolation.level import Level, level_named, levels_broken
from simkit.checks.isolation.transaction import Transaction, transactions_of
from simkit.checks.isolation.version_order import Ordering, VersionOrder
from simkit.observe.history import OPERATIONS_MAX, Operation

ELEMENTS_MAX = 100_000_000
"""Elements of lists that all reads of a history may have together; more is undecided. Reading them costs seconds."""

STEPS_MAX = 4_000_000
"""Micro-operations that a history may have; more is undecided."""

_CYCLES = ("G0", "G1c", "G-single", "G-nonadjacent", "G2-item")


@dataclass(frozen=True)
class Judgement:
    """What was found in a history.

    Attributes:
        level: that was asked about.
        anomalies: all that were found, the gravest kinds first; the level may allow some of them.
        forbidden: those that it forbids.
        undecided: why nothing is certain although nothing forbidden was found; empty when it is certain.
        keys: how many there were.
        orders: what is known of each key, for explanations.
    """

    level: Level
    anomalies: tuple[Anomaly, ...] = ()
    forbidden: tuple[Anomaly, ...] = ()
    undecided: str = ""
    keys: int = 0
    orders: Sequence[VersionOrder] = field(default=(), repr=False)

    @property
    def verdict(self) -> str:
        """``fail``, ``unknown`` or ``pass``."""
        return "fail" if self.forbidden else "unknown" if self.undecided else "pass"

    @property
    def broken(self) -> list[str]:
        """The names of all levels that the anomalies found rule out; others may be ruled out too."""
        return levels_broken(self.anomalies)


def judge_isolation(
    transactions: Sequence[Transaction],
    level: str = "serializable",
    *,
    whole: bool = True,
    visits_max: int = VISITS_MAX,
    elements_max: int = ELEMENTS_MAX,
) -> Judgement:
    """Return whether a history could have happened under a level.

    Args:
        transactions: in the order of their invocation, `index` being their place.
        level: one of `LEVELS`; a ValueError names the nearest one.
        whole: whether these are all transactions of the run; of a part, values nobody wrote say nothing.
        visits_max, elements_max: budgets.

    Raises: ValueError for a history that cannot be judged, such as one value written twice to a key.
    """
    asked = level_named(level)
    too_much = _too_much(transactions, elements_max)
    if too_much:
        return Judgement(asked, undecided=too_much)
    histories, anomalies = key_histories(transactions)
    ordering = Ordering(transactions, whole=whole)
    ordering.read(histories)
    ordering.finish(real_time=asked.order == "realtime")
    graph = DependencyGraph(transactions, ordering.happened, ordering.orders)
    anomalies += ordering.anomalies
    kinds = [kind for kind in _CYCLES if kind in asked.kinds]
    search = CycleSearch(graph, visits_max).run(kinds)
    anomalies += search.anomalies
    if asked.order and not any(map(asked.forbids, anomalies)):
        graph.add_order(asked.order)
        search = CycleSearch(graph, visits_max).run(kinds)
        anomalies += search.anomalies
    found = _told_once(anomalies)
    undecided = ""
    if search.undecided:
        undecided = f"the search for {', '.join(search.undecided)} took more than {visits_max:,} steps"
    elif not whole:
        undecided = f"only the first {OPERATIONS_MAX:,} operations of the history were kept"
    forbidden = tuple(each for each in found if asked.forbids(each))
    return Judgement(asked, found, forbidden, undecided, len(histories), ordering.orders)


def _too_much(transactions: Sequence[Transaction], elements_max: int) -> str:
    steps = sum(len(each.operations) for each in transactions)
    if steps > STEPS_MAX:
        return f"{steps:,} micro-operations, of which {STEPS_MAX:,} can be judged"
    elements = sum(
        len(step.value)
        for each in transactions
        if each.status == "committed"
        for step in each.operations
        if step.kind == "read" and isinstance(step.value, (list, tuple))
    )
    return (
        f"{elements:,} elements were read, of which {elements_max:,} can be judged" if elements > elements_max else ""
    )


def _told_once(anomalies: Sequence[Anomaly]) -> tuple[Anomaly, ...]:
    """Return the anomalies, gravest kinds first, without those that were found in two ways."""
    rank = {kind: place for place, kind in enumerate(TITLES)}
    once: dict[tuple[str, object], Anomaly] = {}
    for each in anomalies:
        among = frozenset(each.transactions) if each.cycle else (each.transactions, each.text)
        once.setdefault((each.kind, among), each)
    return tuple(
        sorted(once.values(), key=lambda each: rank[each.kind.removesuffix("-realtime").removesuffix("-process")])
    )


class IsolationCheck(HistoryCheck):
    """The transactions of the run could have happened under an isolation level; a system's card has a subclass.

    Attributes:
        level: one of `simkit.checks.isolation.LEVELS`.
        function: under which name clients invoke transactions.
        judgement: what was found, once the run is over.
    """

    level: ClassVar[str] = "serializable"
    function: ClassVar[str] = "transaction"

    def __init__(self) -> None:
        super().__init__()
        self._left_out = 0
        self._counted = ""
        self.judgement = Judgement(level_named(self.level))

    def invoked(self, operation: Operation) -> None:
        if operation.function != self.function:
            return
        if len(self.operations) < OPERATIONS_MAX:
            self.operations.append(operation)
        else:
            self._left_out += 1  # unlike other histories, half of one proves what is wrong in it

    def conclude(self, end_ns: int) -> None:
        self.judge(self.operations)

    def judge(self, operations: Sequence[Operation]) -> None:
        transactions = transactions_of(operations, self.function)
        self.judgement = found = judge_isolation(transactions, self.level, whole=not self._left_out)
        explanation = Explanation(transactions, found.orders)
        # The gravest come first, but for cycles that nobody can follow.
        told_first = sorted(found.forbidden, key=lambda anomaly: len(anomaly.transactions) > CYCLE_SHOWN_MAX)
        for anomaly in told_first[:VIOLATIONS_KEPT]:
            *story, last = explanation.story(anomaly)
            among = [operations[index] for index in anomaly.transactions[:CYCLE_SHOWN_MAX]]
            told = self.with_events(among, story, last.time_ns)
            self.violated(last.time_ns, last.host, last.text, *told, last, cycle=explanation.picture(anomaly))
        self.violations_total = len(found.forbidden)
        ends = {status: sum(each.status == status for each in transactions) for status in ("committed", "aborted")}
        unknown = len(transactions) - sum(ends.values())
        self._counted = (
            f"{ends['committed']:,} transactions committed, {ends['aborted']:,} aborted, {unknown:,} unknown, "
            f"{found.keys:,} keys"
        )
        self.undecided = found.undecided if transactions else "no transaction was invoked"

    def summary(self) -> str:
        return f"{self._counted}, {self.violations_total:,} anomalies that {self.level} forbids"
