"""Oracles for small histories: every order of transactions, every order of versions, and the definitions as printed.

They share nothing with the checker but the records, and are as slow as definitions are.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, permutations, product
from typing import Any

import networkx

from simkit.checks.isolation import Transaction


def serializable(transactions: Sequence[Transaction], *, real_time: bool = False) -> bool:
    """Whether some order of the transactions, done one after the other, gives what they read."""
    return any(
        _explains(order)
        for chosen in _possible(transactions)
        for order in permutations(chosen)
        if not real_time or _timely(order)
    )


def snapshot_isolated(transactions: Sequence[Transaction]) -> bool:
    """Whether beginnings and commits can be put in an order that snapshot isolation's rules (Berenson 1995) allow."""
    return any(_schedule(list(chosen), {}, {}, {}, frozenset()) for chosen in _possible(transactions))


def by_definition(transactions: Sequence[Transaction], level: str) -> bool:
    """Whether a list history has, in some order of its versions, none of the phenomena that a level forbids.

    Args:
        level: ``read-uncommitted`` (G0), ``read-committed`` (G1), ``parallel-snapshot-isolation`` (no cycle with less
            than two rw), ``snapshot-isolation`` (no cycle without two rw in a row), ``serializable`` (no cycle).
    """
    return any(
        _has_no_phenomenon(transactions, chosen, orders, level)
        for chosen in _possible(transactions)
        for orders in _version_orders(chosen)
    )


def _possible(transactions: Sequence[Transaction]) -> Iterator[tuple[Transaction, ...]]:
    """Yield the transactions that may have happened: the committed ones with any of those of unknown outcome."""
    sure = [each for each in transactions if each.status == "committed"]
    maybe = [each for each in transactions if each.status == "indeterminate"]
    for count in range(len(maybe) + 1):
        for some in combinations(maybe, count):
            yield (*sure, *some)


def _timely(order: Sequence[Transaction]) -> bool:
    return not any(
        later.ended is not None and later.ended < earlier.began
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def _explains(order: Sequence[Transaction]) -> bool:
    state: dict[Any, Any] = {}
    return all(_does(each, state) for each in order)


def _does(transaction: Transaction, state: dict[Any, Any]) -> bool:
    for kind, key, value in transaction.operations:
        if kind == "append":
            state[key] = (*state.get(key, ()), value)
        elif kind == "write":
            state[key] = value
        elif transaction.status == "committed" and (value or None) != (state.get(key) or None):
            return False
    return True


def _schedule(
    waiting: list[Transaction],
    active: dict[int, tuple[Transaction, dict[Any, Any]]],
    state: dict[Any, Any],
    written_at: dict[Any, int],
    seen: frozenset[int],
    now: int = 0,
) -> bool:
    if not waiting and not active:
        return True
    for index, (transaction, view) in active.items():
        keys = {key for kind, key, _ in transaction.operations if kind != "read"}
        began = view["began"]
        if any(written_at.get(key, -1) > began for key in keys):
            continue
        rest = {each: value for each, value in active.items() if each != index}
        after = {**state, **{key: view["state"][key] for key in keys}}
        if _schedule(waiting, rest, after, {**written_at, **dict.fromkeys(keys, now)}, seen, now + 1):
            return True
    for place, transaction in enumerate(waiting):
        own = dict(state)
        if _does(transaction, own):
            begun = {**active, transaction.index: (transaction, {"began": now, "state": own})}
            if _schedule(waiting[:place] + waiting[place + 1 :], begun, state, written_at, seen, now + 1):
                return True
    return False


def _version_orders(chosen: Sequence[Transaction]) -> Iterator[dict[Any, tuple[Any, ...]]]:
    elements: dict[Any, list[Any]] = {}
    for transaction in chosen:
        for kind, key, value in transaction.operations:
            if kind == "append":
                elements.setdefault(key, []).append(value)
    keys = list(elements)
    for orders in product(*(permutations(elements[key]) for key in keys)):
        yield dict(zip(keys, orders, strict=True))


def _has_no_phenomenon(
    transactions: Sequence[Transaction],
    chosen: Sequence[Transaction],
    orders: dict[Any, tuple[Any, ...]],
    level: str,
) -> bool:
    writer = {(key, value): each for each in transactions for kind, key, value in each.operations if kind == "append"}
    happened = {each.index for each in chosen}
    final = {}
    for each in chosen:
        for kind, key, value in each.operations:
            if kind == "append":
                final[key, each.index] = value
    places = {(key, value): place for key, order in orders.items() for place, value in enumerate(order)}
    for each in chosen:
        for key in {step.key for step in each.operations if step.kind == "append"}:
            mine = [places[key, one] for one in _own(each, key)]
            if mine != sorted(mine):
                return False
    graph = networkx.MultiDiGraph()
    for key, order in orders.items():
        for before, after in pairwise(order):
            graph.add_edge(writer[key, before].index, writer[key, after].index, kind="ww")
    for each in chosen:
        if each.status == "committed" and not _reads(each, writer, happened, orders, final, graph, level):
            return False
    return not any(_forbidden(kinds, level) for kinds in _cycles(graph))


def _own(transaction: Transaction, key: Any) -> list[Any]:
    return [value for kind, each, value in transaction.operations if kind == "append" and each == key]


def _reads(each: Any, writer: Any, happened: Any, orders: Any, final: Any, graph: Any, level: str) -> bool:
    """Add the edges of one transaction's reads; False if one of them can be read under no order or level."""
    own: dict[Any, list[Any]] = {}
    for kind, key, value in each.operations:
        if kind == "append":
            own.setdefault(key, []).append(value)
            continue
        if any((key, one) not in writer for one in value) or len(set(value)) < len(value):
            return False
        read = tuple(one for one in value if writer[key, one].index in happened)
        if read != tuple(value) and level != "read-uncommitted":
            return False  # G1a
        mine = own.get(key, [])
        order = orders.get(key, ())
        if mine and list(read[-len(mine) :]) != mine:
            return False
        if read != order[: len(read)]:
            return False
        outside = read[: len(read) - len(mine)]
        if set(outside) & set(_own(each, key)):
            return False
        if outside:
            source = writer[key, outside[-1]].index
            if final[key, source] != outside[-1] and level != "read-uncommitted":
                return False  # G1b
            graph.add_edge(source, each.index, kind="wr")
        if len(outside) < len(order):
            graph.add_edge(each.index, writer[key, order[len(outside)]].index, kind="rw")
    return True


def _cycles(graph: Any) -> Iterator[list[str]]:
    """Yield the kinds of edges of every simple cycle, for every choice among parallel edges."""
    kinds: dict[tuple[int, int], set[str]] = {}
    for source, target, data in graph.edges(data=True):
        if source != target:
            kinds.setdefault((source, target), set()).add(data["kind"])
    for cycle in networkx.simple_cycles(networkx.DiGraph(list(kinds))):
        yield from map(list, product(*(sorted(kinds[edge]) for edge in zip(cycle, cycle[1:] + cycle[:1], strict=True))))


def _forbidden(kinds: list[str], level: str) -> bool:
    anti = kinds.count("rw")
    if level == "read-uncommitted":
        return set(kinds) == {"ww"}
    if level == "read-committed":
        return anti == 0
    if level == "parallel-snapshot-isolation":
        return anti < 2
    if level == "snapshot-isolation":
        return not any(kind == "rw" == kinds[place - 1] for place, kind in enumerate(kinds))
    return True
