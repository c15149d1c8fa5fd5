"""Planning: which ranges should move, given what stores say.

What is broken comes first: a replica on a store that stays away is replaced, a range with too few gets more. Then
replicas, and then leaders, are spread so that no store has two more than another. A new replica goes to a zone that
has none of the range, as far as there is one, and there to the store with the fewest.

It deliberately is a pure function of a view: when it is asked, and what becomes of its plans, the driver decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from simkit_nodes.database.placement.messages import Decision, RangeReport


@dataclass(frozen=True)
class Reported:
    """A range's last report, and which store has sent it."""

    report: RangeReport
    leader: str


@dataclass(frozen=True)
class View:
    """What the driver knows.

    Attributes:
        zones: of the stores that are there, in order.
        away: stores that stay away.
        ranges: those whose leaseholders speak.
        open: decisions under way, by range.
        replicas: how many each range should have.
    """

    zones: Mapping[str, str | None]
    away: frozenset[str]
    ranges: Sequence[Reported]
    open: Mapping[int, Decision]
    replicas: int


def plan(view: View, *, replace: bool, balance: bool) -> Iterator[Decision]:
    """Yield what should be done, the most urgent first; each range and each kind of balance at most once."""
    if replace:
        yield from filter(None, (_repaired(view, each) for each in view.ranges))
    if balance and not view.open:
        yield from filter(None, (_replica_moved(view), _lease_moved(view)))


def _repaired(view: View, range_: Reported) -> Decision | None:
    """Replace what is lost, add what is missing, and end what a failed change has left behind."""
    report = range_.report
    descriptor = report.descriptor
    if descriptor.range_id in view.open or not report.settled:
        return None
    kept = [store for store in descriptor.replicas if store not in view.away]
    lost = len(descriptor.replicas) - len(kept)
    stores = list(kept)
    while len(stores) < view.replicas and (best := _best(view, stores, descriptor.replicas)) is not None:
        stores.append(best)
    if len(stores) < min(len(descriptor.replicas), view.replicas):
        return None  # nobody could take it: two replicas and one that may come back are better than two
    if tuple(stores) == descriptor.replicas and not report.learners:
        return None
    reason = f"{lost} of its stores stay away" if lost else "too few replicas" if not report.learners else "a learner"
    return Decision("relocate", descriptor.range_id, descriptor.generation, tuple(stores), reason)


def _best(view: View, chosen: Sequence[str], members: Sequence[str]) -> str | None:
    """Return the store for one more replica, None if there is no other."""
    zones = {view.zones.get(store) for store in chosen}
    counts = replica_counts(view)
    candidates = [store for store in view.zones if store not in chosen and store not in members]
    return min(candidates, key=lambda store: (view.zones[store] in zones, counts[store]), default=None)


def replica_counts(view: View) -> dict[str, int]:
    """Return how many replicas each store that is there has, or is to get."""
    counts = dict.fromkeys(view.zones, 0)
    for range_ in view.ranges:
        descriptor = range_.report.descriptor
        decision = view.open.get(descriptor.range_id)
        relocated = decision is not None and decision.kind == "relocate"
        for store in decision.stores if decision is not None and relocated else descriptor.replicas:
            if store in counts:
                counts[store] += 1
    return counts


def _replica_moved(view: View) -> Decision | None:
    """Move a replica from a full store to an emptier one; a leader's own stays where it is."""
    counts = replica_counts(view)
    emptiest = sorted(counts, key=lambda store: counts[store])
    for source, target in product(reversed(emptiest), emptiest):
        if counts[source] < counts[target] + 2:
            continue
        for range_ in view.ranges:
            stores = _with_replica_moved(view, range_, source, target)
            if stores:
                descriptor = range_.report.descriptor
                reason = f"{source} has {counts[source]} replicas, {target} {counts[target]}"
                return Decision("relocate", descriptor.range_id, descriptor.generation, stores, reason)
    return None


def _with_replica_moved(view: View, range_: Reported, source: str, target: str) -> tuple[str, ...]:
    """Return where a range's replicas are after such a move; nothing where it is impossible, or worse for its zones."""
    replicas = range_.report.descriptor.replicas
    movable = source in replicas and target not in replicas and range_.leader != source
    if not movable or not range_.report.settled or not view.away.isdisjoint(replicas):
        return ()
    others = tuple(store for store in replicas if store != source)
    zones = {view.zones.get(store) for store in others}
    return (*others, target) if view.zones[target] not in zones or view.zones[source] in zones else ()


def _lease_moved(view: View) -> Decision | None:
    """Move a lease from the store with the most to the one with the fewest."""
    counts = dict.fromkeys(view.zones, 0)
    for range_ in view.ranges:
        if range_.leader in counts:
            counts[range_.leader] += 1
    if not counts:
        return None
    most, fewest = max(counts, key=lambda store: counts[store]), min(counts, key=lambda store: counts[store])
    if counts[most] < counts[fewest] + 2:
        return None
    for range_ in view.ranges:
        descriptor = range_.report.descriptor
        if range_.leader == most and fewest in descriptor.replicas and range_.report.settled:
            reason = f"{most} leads {counts[most]} ranges, {fewest} {counts[fewest]}"
            return Decision("transfer", descriptor.range_id, descriptor.generation, (fewest,), reason)
    return None


def is_done(decision: Decision, range_: Reported) -> bool:
    """Whether a range is as a decision wants it."""
    report = range_.report
    if decision.kind == "transfer":
        return range_.leader == decision.stores[0]
    return report.settled and not report.learners and set(report.descriptor.replicas) == set(decision.stores)
