"""What happened to each thing lately, for the stories of checks: a task, a key, a transaction.

Memory is bounded by the number of things and of events for each; a violation about something that has been forgotten is
still a violation, with a shorter story. Text is only made when somebody is told it.

It deliberately does not know which events matter: who remembers them says whose they are, and how they are told.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from simkit.checks.check import Step
from simkit.node import Event

THINGS_KEPT = 20_000
EVENTS_KEPT = 12


class Chronicle:
    """Remembers the first and the last events of the last things.

    Args:
        describe: one line that says what an event means for its thing.
        things: how many are remembered; what has been silent for longest is forgotten first.
        events: how many of each are remembered: a quarter of them the first ones, the others the last.
    """

    def __init__(self, describe: Callable[[Any], str], *, things: int = THINGS_KEPT, events: int = EVENTS_KEPT) -> None:
        self._describe = describe
        self._things_max, self._events_max = things, events
        self._events: OrderedDict[Hashable, list[tuple[int, str, Event]]] = OrderedDict()

    def remember(self, time_ns: int, host: str, event: Event, thing: Hashable) -> None:
        """Note that an event is about a thing."""
        events = self._events.get(thing)
        if events is None:
            if len(self._events) >= self._things_max:
                self._events.popitem(last=False)
            events = self._events[thing] = []
        else:
            self._events.move_to_end(thing)
            if len(events) >= self._events_max:
                del events[self._events_max // 4]  # how it began is part of every story
        events.append((time_ns, host, event))

    def events(self, thing: Hashable) -> tuple[tuple[int, str, Event], ...]:
        """Return what is remembered of a thing, the oldest first: time in ns, host, event."""
        return tuple(self._events.get(thing, ()))

    def tell(self, thing: Hashable) -> tuple[Step, ...]:
        """Return the story of a thing so far, the oldest step first."""
        return tuple(Step(time_ns, host, self._describe(event)) for time_ns, host, event in self.events(thing))
