"""The routing cache: which range has a key, and which store holds its lease, as far as a sender has learnt.

It may be wrong at any time. A store that is asked for what it does not have says what it knows, which is put here; a
descriptor of a newer generation replaces all that overlap it. What is not known is looked up in the meta range.

It deliberately asks nobody: the sender does.
"""

from __future__ import annotations

from dataclasses import dataclass

from sortedcontainers import SortedDict

from simkit_nodes.database.range import RangeDescriptor


@dataclass(slots=True)
class Route:
    """A range as a sender knows it; `leaseholder` is who answered last, or the first one to try."""

    descriptor: RangeDescriptor
    leaseholder: str


class RoutingCache:
    """What one sender knows."""

    __slots__ = ("_by_end",)

    def __init__(self) -> None:
        self._by_end: SortedDict = SortedDict()

    def find(self, key: bytes) -> Route | None:
        """Return the route to the range of a key, None if it is not known."""
        place = self._by_end.bisect_right(key)
        if place == len(self._by_end):
            return None
        route: Route = self._by_end.peekitem(place)[1]
        return route if route.descriptor.begin <= key else None

    def find_last(self, end: bytes) -> Route | None:
        """Return the route to the range with the last keys before `end`."""
        place = self._by_end.bisect_left(end)
        if place == len(self._by_end):
            return None
        route: Route = self._by_end.peekitem(place)[1]
        return route if route.descriptor.begin < end else None

    def insert(self, descriptor: RangeDescriptor) -> None:
        """Learn of a range, unless what is known of its keys is newer."""
        overlapping = self._overlapping(descriptor)
        if any(route.descriptor.generation > descriptor.generation for route in overlapping):
            return
        leaseholder = descriptor.replicas[0]
        for route in overlapping:
            del self._by_end[route.descriptor.end]
            if route.leaseholder in descriptor.replicas:
                leaseholder = route.leaseholder
        self._by_end[descriptor.end] = Route(descriptor, leaseholder)

    def forget(self, descriptor: RangeDescriptor) -> None:
        """What is known of a range has proved wrong."""
        for route in self._overlapping(descriptor):
            del self._by_end[route.descriptor.end]

    def _overlapping(self, descriptor: RangeDescriptor) -> list[Route]:
        found = []
        for end in self._by_end.irange(descriptor.begin, inclusive=(False, True)):
            route = self._by_end[end]
            if route.descriptor.begin >= descriptor.end:
                break
            found.append(route)
        return found
