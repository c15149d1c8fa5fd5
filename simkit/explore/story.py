"""Telling a violation: from the steps a check remembers to the chain of events that a reader can follow.

A check knows what happened to an object. What it cannot know is added here: which message brought each step about, and
when a host that acts in the story came back from a pause or a crash. Where a check tells nothing, the messages that
name the object are followed back to where they began. Faults are added at the end of the run, when they are all known
(`observe.document.tell`).

It deliberately claims no more than order: a message that arrived before a step may have caused it, and nothing that
arrived later can have.
"""

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from simkit.checks.check import Violation
from simkit.kernel.records import Record, Records
from simkit.language.units import format_duration
from simkit.observe.arrivals import Arrivals, names_in
from simkit.observe.document import StoryStep

HOPS_MAX = 6
"""Messages that are followed back where a check tells no steps."""

_BACK = {"resume": "runs again", "boot": "starts anew"}
_GONE = frozenset({"pause", "exit", "kill", "power_cut", "wipe"})


class Storyteller:
    """Watches one world to be able to tell what led to a violation; `tell` it when it is found, not later."""

    def __init__(self, records: Records) -> None:
        self._arrivals = Arrivals(records)
        self._changes: dict[str, list[tuple[int, str]]] = defaultdict(list)
        records.subscribe(("host",), self._host_changed)

    def _host_changed(self, record: Record) -> None:
        self._changes[record.host].append((record.time_ns, str(record.detail[0])))

    def tell(self, violation: Violation) -> tuple[StoryStep, ...]:
        """Return the steps of a violation in order of time, without faults."""
        names = names_in(violation.text, self._changes)
        steps = [StoryStep(time_ns=step.time_ns, host=step.host, text=step.text) for step in violation.story]
        if not steps or steps[-1].time_ns < violation.time_ns:
            steps.append(StoryStep(time_ns=violation.time_ns, host=violation.host, text=violation.text))
        if len(steps) == 1:
            steps = self._traced(steps[0], names)
        else:
            steps = self._sent(steps, names)
        return tuple(self._returns(steps))

    def _sent(self, steps: Iterable[StoryStep], names: frozenset[bytes]) -> list[StoryStep]:
        """Add to each step the message that arrived since the step before it on the same host."""
        told_ns: dict[str, int] = {}
        found = []
        for step in steps:
            arrival = self._arrivals.before(step.host, step.time_ns, names, after_ns=told_ns.get(step.host, -1) + 1)
            told_ns[step.host] = step.time_ns
            sent = arrival and arrival.source != step.host
            found.append(replace(step, sender=arrival.source, sent_ns=arrival.sent_ns) if arrival and sent else step)
        return found

    def _traced(self, last: StoryStep, names: frozenset[bytes]) -> list[StoryStep]:
        """Follow the messages that name the object back from the violation, host by host."""
        found = [last]
        host, before_ns = last.host, last.time_ns
        for _ in range(HOPS_MAX):
            arrival = self._arrivals.before(host, before_ns, names)
            if arrival is None or arrival.source == host:
                break
            if arrival.time_ns < found[0].time_ns or host != found[0].host:
                found.insert(0, StoryStep(time_ns=arrival.time_ns, host=host, text=f"gets {arrival.label}"))
            found[0] = replace(found[0], sender=arrival.source, sent_ns=arrival.sent_ns)
            host, before_ns = arrival.source, arrival.sent_ns
        return found

    def _returns(self, steps: list[StoryStep]) -> list[StoryStep]:
        """Add when a host that acts in the story came back, so that a reader sees why it acted only then."""
        first_ns = steps[0].time_ns
        actions = [(step.sender, step.sent_ns) for step in steps if step.sender and step.sent_ns is not None]
        actions += [(step.host, step.time_ns) for step in steps]
        returns: dict[tuple[int, str], str] = {}
        for host, time_ns in actions:
            changes = [change for change in self._changes.get(host, ()) if first_ns < change[0] <= time_ns]
            if changes and changes[-1][1] in _BACK:
                back_ns, manner = changes[-1]
                gone_ns = next((at_ns for at_ns, word in reversed(changes) if word in _GONE), None)
                after = "" if gone_ns is None else f" after {format_duration(back_ns - gone_ns)}"
                returns[back_ns, host] = _BACK[manner] + after
        told = [StoryStep(time_ns=time_ns, host=host, text=text) for (time_ns, host), text in returns.items()]
        # A host comes back before it does anything, and only the last step is the violation.
        return sorted([*told, *steps], key=lambda step: step.time_ns)
