"""Isolation: is a history of transactions over lists serializable, and where are the cycles?

Transactions run one after the other on a store of lists, three steps each; among them are pairs that each read what the
other then appends to (write skew), each pair on keys of its own. Whoever judges must find exactly these pairs.
"""

from dataclasses import dataclass
from random import Random

from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, require_items
from simkit.checks.isolation import MicroOperation, Transaction


@dataclass(frozen=True)
class Histories:
    """A history, and how many cycles it has."""

    transactions: list[Transaction]
    skews: int


def inputs(share: float, transactions: int, skews: int) -> Histories:
    """Return a history of about that many transactions, of which twice `skews` form cycles of two."""
    random = Random(transactions)
    count, pairs = int(transactions * share), max(1, int(skews * share))
    state: dict[str, tuple[int, ...]] = {}
    plans: list[list[MicroOperation]] = []
    for number in range(count - 2 * pairs):
        plan = []
        for _ in range(3):
            key = f"k{random.randrange(max(1, count // 50))}"
            if random.random() < 0.5:
                plan.append(MicroOperation("read", key, state.get(key, ())))
            else:
                state[key] = (*state.get(key, ()), number * 3 + len(plan))
                plan.append(MicroOperation("append", key, state[key][-1]))
        plans.append(plan)
    for number in range(pairs):
        left, right = f"left{number}", f"right{number}"
        place = random.randrange(len(plans))
        plans[place:place] = [
            [MicroOperation("read", left, ()), MicroOperation("append", right, 1)],
            [MicroOperation("read", right, ()), MicroOperation("append", left, 1)],
        ]
    made = [
        Transaction(
            index, f"c{index % 50}", "h", "committed", index, index + 1, 2 * index, 2 * index + 101, tuple(plan)
        )
        for index, plan in enumerate(plans)
    ]
    return Histories(made, pairs)


def check(given: Histories, outcome: Outcome, contender: Contender) -> None:
    """All transactions were judged, and every planted cycle was found."""
    require_items(outcome, len(given.transactions))
    if outcome.figures["cycles"] != given.skews:
        raise WrongOutcome(f"{outcome.figures['cycles']} cycles found, not {given.skews}")


WORK = Work(
    name="isolation",
    title="serializability of transactions over lists",
    unit="transactions",
    baseline="networkx",
    cases=(
        Case(
            "write skews",
            {
                "small": {"transactions": 300, "skews": 5},
                "medium": {"transactions": 5_000, "skews": 50},
                "full": {"transactions": 20_000, "skews": 200},
            },
        ),
    ),
    contenders=(
        Contender("simkit-python", "benchmarks.isolation.with_simkit:prepare", "all anomalies of the level, named"),
        Contender("networkx", "benchmarks.isolation.with_networkx:prepare", "the graph alone, a cycle per component"),
    ),
    inputs=inputs,
    check=check,
)
