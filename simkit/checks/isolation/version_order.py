"""The order of versions of each key, as far as a history shows it, and what reads show against any order.

Of a list, a read shows the whole order up to the version it read; an element that no read shows comes after all that
were read, because the longest read would have it otherwise. Of a register much less can be known: the initial state
comes first, what a transaction writes comes after what it read of the same key, and, where the level respects real
time, of two writes that did not overlap the earlier one comes first. Two blind writes that overlap stay unordered.

It deliberately guesses nothing: where reads contradict each other no order is taken from them at all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from simkit.checks.isolation.anomaly import Anomaly, Edge
from simkit.checks.isolation.key_history import KeyHistory, Read, shown
from simkit.checks.isolation.transaction import Transaction

INITIAL: None = None
"""The version of a key before all writes."""


@dataclass(slots=True)
class VersionOrder:
    """One key, put in order. A version is named by its value, that of a list by its last element.

    Attributes:
        history: of the key.
        readers: by version, who read it from outside.
        overwriters: by version, who installed a version after it, and that version.
        line: the elements of a list in their order; None where reads contradict each other.
        shown_by: who read the longest list, the witness of a list's order.
        unseen: committed elements of a list that no read shows.
    """

    history: KeyHistory
    readers: dict[Any, list[int]] = field(default_factory=dict)
    overwriters: dict[Any, dict[int, Any]] = field(default_factory=dict)
    shown_by: int | None = None
    unseen: dict[Any, int] = field(default_factory=dict)
    line: tuple[Any, ...] | None = ()

    def overwritten(self, version: Any, transaction: int, after: Any) -> None:
        """Note that a transaction installed `after` later than `version`."""
        self.overwriters.setdefault(version, {}).setdefault(transaction, after)


class Ordering:
    """Puts the versions of all keys of a history in order.

    Attributes:
        anomalies: what single keys show.
        happened: indices of the transactions that took place: the committed ones, and those of unknown outcome whose
            writes were read.
        orders: of all keys, once `finish` has been called.
    """

    def __init__(self, transactions: Sequence[Transaction], *, whole: bool = True) -> None:
        self._transactions = transactions
        self._whole = whole
        self.anomalies: list[Anomaly] = []
        self.happened = {each.index for each in transactions if each.status == "committed"}
        self.orders: list[VersionOrder] = []

    def read(self, histories: Iterable[KeyHistory]) -> None:
        """Look at the reads of every key: what was read, and in which order lists grew."""
        for history in histories:
            order = VersionOrder(history)
            self.orders.append(order)
            if history.kind == "list":
                self._list(order)
            else:
                self._register(order)

    def finish(self, *, real_time: bool) -> None:
        """Derive which version follows which, now that it is known which transactions took place."""
        for order in self.orders:
            if order.history.kind == "list":
                self._follow(order)
            else:
                self._infer(order, real_time)
            self.anomalies += self._lost_updates(order)

    # -- lists

    def _list(self, order: VersionOrder) -> None:
        history = order.history
        aborted = {
            element for element, writer in history.writers.items() if self._status(writer.transaction) == "aborted"
        }
        if aborted:
            self.anomalies += self._dirty(history, aborted)
        reads = [_without(read, aborted) for read in history.whole] if aborted else history.whole
        usable = [read for read in reads if read.value]
        usable.sort(key=lambda read: -len(read.value))
        broken: set[tuple[Any, ...]] = set()
        while usable and len(set(usable[0].value)) < len(usable[0].value):
            self._repeated(history, usable[0], broken)
            usable.pop(0)
        if usable:
            order.shown_by, order.line = usable[0]
            self._compare(order, usable, broken)
            self._own_order(order, usable[0])
        self._garbage(history, usable[:1])
        written = _written(history)
        for index, value in history.reads:
            if broken and _without(Read(index, value), aborted).value in broken:
                continue
            version = _last(value, aborted)
            if index in written and not written[index].keys().isdisjoint(value):
                self._future(history, index, value)
            else:
                self._intermediate(history, index, version)
                order.readers.setdefault(version, []).append(index)

    def _compare(self, order: VersionOrder, reads: Sequence[Read], broken: set[tuple[Any, ...]]) -> None:
        """Find the reads that are no beginning of the longest one."""
        history, longest = order.history, reads[0]
        second: list[Any] = []
        known: set[Any] = set()
        for read in reads[1:]:
            if read.value == longest.value[: len(read.value)] or read.value in broken:
                continue
            if len(set(read.value)) < len(read.value):
                self._repeated(history, read, broken)
                continue
            self._garbage(history, [read])
            if not known:
                second, known = self._known(history, longest.value), set(longest.value)
            first = self._known(history, read.value)
            text = _contradiction(history.key, read, longest, known)
            certain = first != second[: len(first)]
            found = Anomaly("incompatible-order", text, (read.transaction, longest.transaction), certain=certain)
            self.anomalies.append(found)
            order.line = None

    def _own_order(self, order: VersionOrder, longest: Read) -> None:
        """Find a transaction whose elements are not in the order in which it appended them, or not from the first."""
        written = {index: iter(values) for index, values in _written(order.history).items()}
        for element in longest.value:
            writer = order.history.writers.get(element)
            if writer is None or (due := next(written[writer.transaction])) == element:
                continue
            name = f"T{writer.transaction + 1}"
            text = f"T{longest.transaction + 1} read {shown(longest.value)} from {order.history.key}"
            text += f", with {element} but not {due} before it, which {name} appended first"
            certain = self._status(writer.transaction) == "committed"
            among = (writer.transaction, longest.transaction)
            self.anomalies.append(Anomaly("incompatible-order", text, among, certain=certain))
            order.line = None
            return

    def _known(self, history: KeyHistory, elements: Iterable[Any]) -> list[Any]:
        """Return the elements of transactions that certainly committed."""
        return [
            element
            for element in elements
            if element in history.writers and self._status(history.writers[element].transaction) == "committed"
        ]

    def _follow(self, order: VersionOrder) -> None:
        """Let each element of a list be followed by the next one, the last by those that nobody saw."""
        history = order.history
        if order.line is None:
            return
        before: Any = INITIAL
        for element in order.line:
            writer = history.writers.get(element)
            if writer is not None:
                order.overwritten(before, writer.transaction, element)
                before = element
        seen = set(order.line)
        for element, writer in history.writers.items():
            if element not in seen and writer.transaction in self.happened:
                order.unseen[element] = writer.transaction
                order.overwritten(before, writer.transaction, element)
        self.anomalies += self._lost_elements(order)

    def _lost_elements(self, order: VersionOrder) -> Iterator[Anomaly]:
        """Yield the elements that no read shows although one began when they had been committed."""
        if not order.unseen or not order.history.reads:
            return
        last = max(order.history.reads, key=lambda read: self._transactions[read.transaction].began)
        reader = self._transactions[last.transaction]
        for element, index in order.unseen.items():
            writer = self._transactions[index]
            if writer.ended is not None and writer.ended < reader.began:
                text = (
                    f"{writer.name} appended {element} to {order.history.key} and was complete before {reader.name} "
                    f"began, which read {shown(last.value)}; no read has it"
                )
                yield Anomaly("lost-append", text, (index, last.transaction))

    def _dirty(self, history: KeyHistory, aborted: set[Any]) -> Iterator[Anomaly]:
        """Yield reads of aborted elements, and committed elements that were put behind one."""
        told: set[Any] = set()
        for index, value in history.whole:
            if aborted.isdisjoint(value):
                continue
            place, element = next((place, each) for place, each in enumerate(value) if each in aborted)
            writer = history.writers[element].transaction
            text = f"T{index + 1} read {shown(value)} from {history.key}; {element} is of T{writer + 1}, which aborted"
            yield Anomaly("G1a", text, (writer, index))
            behind = next(
                (each for each in value[place + 1 :] if each in history.writers and each not in aborted), None
            )
            if behind is not None and element not in told:
                told.add(element)
                later = history.writers[behind].transaction
                text = (
                    f"T{later + 1} appended {behind} to {history.key} after {element} of T{writer + 1}, which aborted"
                )
                yield Anomaly("dirty-update", text, (writer, later))

    def _repeated(self, history: KeyHistory, read: Read, broken: set[tuple[Any, ...]]) -> None:
        seen: set[Any] = set()
        twice = next(each for each in read.value if each in seen or seen.add(each))  # type: ignore[func-returns-value]
        text = f"T{read.transaction + 1} read {shown(read.value)} from {history.key}, with {twice} in it twice"
        self.anomalies.append(Anomaly("duplicate-elements", text, (read.transaction,)))
        broken.add(read.value)

    # -- registers

    def _register(self, order: VersionOrder) -> None:
        history = order.history
        for index, value in history.reads:
            writer = history.writers.get(value)
            if value is not INITIAL and writer is None:
                self._garbage(history, [Read(index, (value,))])
                continue
            if writer is not None and self._status(writer.transaction) == "aborted":
                text = f"T{index + 1} read {shown(value)} from {history.key}, written by T{writer.transaction + 1}"
                self.anomalies.append(Anomaly("G1a", f"{text}, which aborted", (writer.transaction, index)))
                continue
            if writer is not None and writer.transaction == index:
                self._future(history, index, value)
                continue
            self._intermediate(history, index, value)
            order.readers.setdefault(value, []).append(index)

    def _infer(self, order: VersionOrder, real_time: bool) -> None:
        """Let what a transaction wrote follow what it had read, everything the initial state, and time the clock."""
        history = order.history
        first: dict[int, Any] = {}
        for value, writer in history.writers.items():
            if writer.transaction in self.happened:
                first.setdefault(writer.transaction, value)
        based: set[int] = set()
        for version, readers in order.readers.items():
            for index in readers:
                if index in first:
                    order.overwritten(version, index, first[index])
                    if version is not INITIAL:
                        based.add(index)
        for index, value in first.items():
            if index not in based:
                order.overwritten(INITIAL, index, value)
        if real_time:
            self._by_clock(order, first)

    def _by_clock(self, order: VersionOrder, first: dict[int, Any]) -> None:
        """Let a write follow those that were complete before it began, of these the latest ones only."""
        finals = {
            writer.transaction: value for value, writer in order.history.writers.items() if writer.transaction in first
        }
        frontier: list[int] = []
        pending = sorted((ended, index) for index in first if (ended := self._transactions[index].ended) is not None)
        place = 0
        for index in sorted(first, key=lambda each: self._transactions[each].began):
            began = self._transactions[index].began
            while place < len(pending) and pending[place][0] < began:
                ended = pending[place][1]
                frontier = [each for each in frontier if not self._before(each, ended)] + [ended]
                place += 1
            for each in frontier:
                order.overwritten(finals[each], index, first[index])

    def _before(self, first: int, second: int) -> bool:
        ended = self._transactions[first].ended
        return ended is not None and ended < self._transactions[second].began

    # -- both

    def _lost_updates(self, order: VersionOrder) -> Iterator[Anomaly]:
        """Yield versions that several transactions read and then overwrote."""
        history = order.history
        written = {index: next(iter(values)) for index, values in _written(history).items()}
        places = {element: place for place, element in enumerate(order.line or ())}
        for version, readers in order.readers.items():
            both = list(dict.fromkeys(index for index in readers if index in written))
            if len(both) < 2:
                continue
            # Of a list it is often known whose element came first; of a register either may have.
            both.sort(key=lambda index: places.get(written[index], len(places)))
            first, second = both[:2]
            what = "appended to" if history.kind == "list" else "wrote"
            seen = "as it was at first" if version is INITIAL else f"up to {shown(version)}"
            if history.kind != "list" and version is not INITIAL:
                seen = f"as {shown(version)}"
            rest = f" (and {len(both) - 2} more)" if len(both) > 2 else ""
            text = f"T{first + 1} and T{second + 1} both read {history.key} {seen} and both {what} it{rest}"
            cycle = (
                Edge(second, first, "rw", history.key, version, written[first]),
                Edge(first, second, "ww", history.key, written[first], written[second]),
            )
            yield Anomaly("lost-update", text, (first, second), cycle)

    def _future(self, history: KeyHistory, index: int, value: Any) -> None:
        text = f"T{index + 1} read {shown(value)} from {history.key} before it wrote that itself"
        self.anomalies.append(Anomaly("internal", text, (index,)))

    def _intermediate(self, history: KeyHistory, index: int, version: Any) -> None:
        writer = history.writers.get(version)
        if writer is None:
            return
        if self._status(writer.transaction) == "indeterminate":
            self.happened.add(writer.transaction)
        if not writer.final and writer.transaction != index:
            text = f"T{index + 1} read {shown(version)} from {history.key}"
            text += f", which T{writer.transaction + 1} overwrote itself"
            self.anomalies.append(Anomaly("G1b", text, (writer.transaction, index)))

    def _garbage(self, history: KeyHistory, reads: Iterable[Read]) -> None:
        """Find elements that nobody wrote; elements of unknown transactions show that these took place."""
        for index, value in reads:
            for element in value:
                writer = history.writers.get(element)
                if writer is not None:
                    if self._status(writer.transaction) == "indeterminate":
                        self.happened.add(writer.transaction)
                elif self._whole:
                    text = f"T{index + 1} read {shown(element)} from {history.key}, which nobody wrote"
                    self.anomalies.append(Anomaly("garbage-read", text, (index,)))
                    break

    def _status(self, index: int) -> str:
        return self._transactions[index].status


def _written(history: KeyHistory) -> dict[int, dict[Any, None]]:
    """Return what each transaction wrote to a key, in its order."""
    written: dict[int, dict[Any, None]] = {}
    for value, writer in history.writers.items():
        written.setdefault(writer.transaction, {})[value] = None
    return written


def _without(read: Read, aborted: set[Any]) -> Read:
    if aborted.isdisjoint(read.value):
        return read
    return Read(read.transaction, tuple(element for element in read.value if element not in aborted))


def _last(value: tuple[Any, ...], aborted: set[Any]) -> Any:
    return next((element for element in reversed(value) if element not in aborted), INITIAL)


def _contradiction(key: Any, read: Read, longest: Read, known: set[Any]) -> str:
    """Say how two reads of a list cannot both be: an element that one has lost, or another order."""
    lost = next((element for element in read.value if element not in known), None)
    both = f"T{read.transaction + 1} read {shown(read.value)} from {key}"
    both += f", T{longest.transaction + 1} {shown(longest.value)}"
    if lost is not None:
        return f"{both}: {lost} is lost in the longer one"
    return f"{both}: neither is the beginning of the other"
