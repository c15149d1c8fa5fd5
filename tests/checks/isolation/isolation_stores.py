"""Toy stores that really have an isolation level, driven by clients in a random interleaving.

Each is the textbook way to reach its level: one transaction after the other; multi-version with the first committer
winning; locks for writes that are kept to the end, with reads of what is committed, or of anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from simkit.checks.isolation import MicroOperation, Transaction

Model = Literal["list", "register"]
Choose = Callable[[int], int]
"""Draws a number below the one given."""


class Conflict(Exception):
    """The store refuses: the transaction is aborted."""


@dataclass
class Serial:
    """One transaction at a time: whoever begins while another is under way is refused."""

    data: dict[str, Any] = field(default_factory=dict)
    owner: int | None = None

    def begin(self, transaction: int) -> None:
        pass

    def _own(self, transaction: int) -> None:
        if self.owner not in (None, transaction):
            raise Conflict
        if self.owner is None:
            self.owner, self._saved = transaction, dict(self.data)

    def read(self, transaction: int, key: str) -> Any:
        self._own(transaction)
        return self.data.get(key)

    def write(self, transaction: int, key: str, update: Callable[[Any], Any]) -> None:
        self._own(transaction)
        self.data[key] = update(self.data.get(key))

    def commit(self, transaction: int) -> None:
        if self.owner == transaction:
            self.owner = None

    def abort(self, transaction: int) -> None:
        if self.owner == transaction:
            self.data, self.owner = self._saved, None


@dataclass
class Snapshot:
    """Multi-version: reads of the state at the beginning; of two that overlap and write one key, the first one wins."""

    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    taken: dict[int, tuple[dict[str, Any], dict[str, int], dict[str, Any]]] = field(default_factory=dict)

    def begin(self, transaction: int) -> None:
        self.taken[transaction] = (dict(self.data), dict(self.versions), {})

    def read(self, transaction: int, key: str) -> Any:
        seen, _, own = self.taken[transaction]
        return own.get(key, seen.get(key))

    def write(self, transaction: int, key: str, update: Callable[[Any], Any]) -> None:
        self.taken[transaction][2][key] = update(self.read(transaction, key))

    def commit(self, transaction: int) -> None:
        _, versions, own = self.taken.pop(transaction)
        if any(self.versions.get(key, 0) != versions.get(key, 0) for key in own):
            raise Conflict
        for key, value in own.items():
            self.data[key] = value
            self.versions[key] = self.versions.get(key, 0) + 1

    def abort(self, transaction: int) -> None:
        self.taken.pop(transaction, None)


@dataclass
class Locked:
    """Write locks until the end, in place; reads without locks, of committed values or (``dirty``) of any."""

    dirty: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)

    def begin(self, transaction: int) -> None:
        pass

    def read(self, transaction: int, key: str) -> Any:
        if not self.dirty and self.locks.get(key, transaction) != transaction:
            return self.before[key]
        return self.data.get(key)

    def write(self, transaction: int, key: str, update: Callable[[Any], Any]) -> None:
        if self.locks.setdefault(key, transaction) != transaction:
            raise Conflict
        self.before.setdefault(key, self.data.get(key))
        self.data[key] = update(self.data.get(key))

    def commit(self, transaction: int) -> None:
        self._release(transaction)

    def abort(self, transaction: int) -> None:
        for key, owner in self.locks.items():
            if owner == transaction:
                self.data[key] = self.before[key]
        self._release(transaction)

    def _release(self, transaction: int) -> None:
        for key in [key for key, owner in self.locks.items() if owner == transaction]:
            del self.locks[key], self.before[key]


STORES: dict[str, Callable[[], Any]] = {
    "strict-serializable": Serial,
    "strong-snapshot-isolation": Snapshot,
    "read-committed": Locked,
    "read-uncommitted": lambda: Locked(dirty=True),
}


def played(
    store: Any,
    choose: Choose,
    *,
    transactions: int,
    clients: int,
    keys: int,
    steps: int,
    model: Model = "list",
    losses: int = 20,
    final: bool = False,
) -> list[Transaction]:
    """Return the history of clients that ask a store in a random interleaving.

    Args:
        choose: draws.
        losses: one in so many transactions is aborted by its client, and one in so many gets no answer.
        final: whether a last transaction reads every key.
    """
    player = _Player(store, choose, keys, model, losses)
    free = [f"clients-{number}" for number in range(clients)]
    open_: list[_Open] = []
    while player.begun < transactions or open_:
        if player.begun < transactions and free and (not open_ or choose(3) == 0):
            open_.append(player.begin(free.pop(), 1 + choose(steps)))
            continue
        one = open_[choose(len(open_))]
        if player.step(one):
            open_.remove(one)
            free.append(one.process if one.status != "indeterminate" else f"{one.process}'")
    if final:
        last = player.begin("reader", 0)
        last.plan = [("read", f"k{number}") for number in range(keys)]
        while not player.step(last, certain=True):
            pass
    return sorted(player.done, key=lambda each: each.index)


@dataclass
class _Open:
    index: int
    process: str
    began: int
    plan: list[tuple[str, str]]
    done: list[MicroOperation] = field(default_factory=list)
    status: Any = "committed"


class _Player:
    def __init__(self, store: Any, choose: Choose, keys: int, model: Model, losses: int) -> None:
        self.store, self.choose, self.keys, self.model, self.losses = store, choose, keys, model, losses
        self.begun = self.now = self.values = 0
        self.done: list[Transaction] = []

    def begin(self, process: str, steps: int) -> _Open:
        write = "append" if self.model == "list" else "write"
        plan = [(("read", write)[self.choose(2)], f"k{self.choose(self.keys)}") for _ in range(steps)]
        one = _Open(self.begun, process, self._tick(), plan)
        self.store.begin(one.index)
        self.begun += 1
        return one

    def step(self, one: _Open, certain: bool = False) -> bool:
        """Do the next step of a transaction; True when it has ended."""
        self._tick()
        try:
            if len(one.done) < len(one.plan):
                self._do(one, *one.plan[len(one.done)])
                return False
            self._end(one, certain)
        except Conflict:
            self.store.abort(one.index)
            one.status = "aborted"
        writes = [MicroOperation(kind, key, None) for kind, key in one.plan[len(one.done) :] if kind == "read"]  # type: ignore[arg-type]
        ended = self._tick() if one.status == "committed" else None
        steps = (*one.done, *writes)
        self.done.append(
            Transaction(one.index, one.process, one.process, one.status, one.began, ended, one.began, ended, steps)
        )
        return True

    def _do(self, one: _Open, kind: str, key: str) -> None:
        if kind == "read":
            value = self.store.read(one.index, key)
            one.done.append(MicroOperation("read", key, (value or ()) if self.model == "list" else value))
            return
        self.values += 1
        value = self.values
        one.done.append(MicroOperation(kind, key, value))  # type: ignore[arg-type]
        self.store.write(one.index, key, lambda old: (*(old or ()), value) if self.model == "list" else value)

    def _end(self, one: _Open, certain: bool) -> None:
        if not certain and self.choose(self.losses) == 0:
            raise Conflict
        if not certain and self.choose(self.losses) == 0:
            one.status = "indeterminate"
            if self.choose(2):
                self.store.abort(one.index)
                return
        try:
            self.store.commit(one.index)
        except Conflict:
            self.store.abort(one.index)
            if one.status == "committed":
                one.status = "aborted"

    def _tick(self) -> int:
        self.now += 1
        return self.now


def invented(choose: Choose, *, transactions: int, keys: int, steps: int, final: bool) -> list[Transaction]:
    """Return a history of no store at all: versions in any order, reads of any of them, clients at any time."""
    plans = [[(choose(2), f"k{choose(keys)}") for _ in range(1 + choose(steps))] for _ in range(transactions)]
    elements: dict[str, list[int]] = {}
    owners: list[dict[str, list[int]]] = [{} for _ in plans]
    for index, plan in enumerate(plans):
        for writes, key in plan:
            if writes:
                elements.setdefault(key, []).append(value := sum(map(len, elements.values())) + 1)
                owners[index].setdefault(key, []).append(value)
    orders = {key: _shuffled(values, choose) for key, values in elements.items()}
    history = []
    for index, plan in enumerate(plans):
        own: dict[str, list[int]] = {}
        lengths: dict[str, int] = {}
        done = []
        for writes, key in plan:
            if writes:
                own.setdefault(key, []).append(owners[index][key][len(own.get(key, ()))])
                done.append(MicroOperation("append", key, own[key][-1]))
                continue
            order = orders.get(key, [])
            if key in own:
                length = order.index(own[key][-1]) + 1
            elif key not in lengths or choose(12) == 0:
                # Mostly nobody reads what it has yet to append, nor something else the second time.
                mine = owners[index].get(key) if choose(12) else None
                length = choose((order.index(mine[0]) if mine else len(order)) + 1)
            else:
                length = lengths[key]
            lengths[key] = length
            done.append(MicroOperation("read", key, tuple(order[:length])))
        status: Any = ("aborted", "indeterminate", *["committed"] * 8)[choose(10)]
        began = choose(20)
        ended = began + 1 + choose(10) if status == "committed" else None
        name = f"clients-{index}"
        history.append(
            Transaction(index, name, name, status, began, ended, 2 * began, ended and 2 * ended, tuple(done))
        )
    if final:
        reads = tuple(MicroOperation("read", key, tuple(order)) for key, order in orders.items())
        history.append(Transaction(len(plans), "reader", "reader", "committed", 50, 51, 100, 102, reads))
    return history


def forked(choose: Choose, *, transactions: int) -> list[Transaction]:
    """Return a history of blind writers and of readers that see two keys in any order, as replicas may show them."""
    lengths = {"k0": 0, "k1": 0}
    made: list[list[MicroOperation]] = []
    for index in range(transactions):
        if index % 2 == 0:
            key = f"k{(index // 2 + choose(2) * choose(2)) % 2}"
            lengths[key] += 1
            made.append([MicroOperation("append", key, lengths[key])])
        else:
            made.append([MicroOperation("read", f"k{number}", ()) for number in (0, 1)])
            if choose(4) == 0:
                key = f"k{choose(2)}"
                lengths[key] += 1
                made[-1].append(MicroOperation("append", key, lengths[key]))
    history = []
    for index, done in enumerate(made):
        limits = {step.key: step.value - 1 for step in done if step.kind == "append"}
        steps = tuple(
            MicroOperation("read", step.key, tuple(range(1, choose(limits.get(step.key, lengths[step.key]) + 1) + 1)))
            if step.kind == "read"
            else step
            for step in done
        )
        name = f"clients-{index}"
        history.append(Transaction(index, name, name, "committed", 0, 9, 0, 9, steps))
    reads = tuple(MicroOperation("read", key, tuple(range(1, length + 1))) for key, length in lengths.items())
    history.append(Transaction(transactions, "reader", "reader", "committed", 0, 9, 0, 9, reads))
    return history


def _shuffled(values: list[int], choose: Choose) -> list[int]:
    """Return the values in an order that is seldom far from theirs."""
    order = list(values)
    for _ in range(choose(3)):
        place = choose(len(order))
        order.insert(choose(len(order)), order.pop(place))
    return order
