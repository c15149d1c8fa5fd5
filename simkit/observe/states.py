"""When each host was up, paused or down, read from the records of kind "host".

A host is down until its first boot. The states are what strips in the terminal and on the page show.

It deliberately does not know why a host is down: faults are listed beside the states, not in them.
"""

from simkit.kernel.records import Record
from simkit.observe.document import State

TRANSITIONS_MAX = 10_000
"""Changes kept per host; later ones are counted in `left_out`, and only the newest of them shows as the final state."""

_AFTER: dict[str, State] = {
    "boot": "up",
    "resume": "up",
    "pause": "paused",
    "exit": "down",
    "kill": "down",
    "power_cut": "down",
    "wipe": "down",
}

ENDS = frozenset({"exit", "kill", "power_cut", "wipe"})
"""The manners that end a host's process."""


class States:
    """The states of every host of one run: subscribe `observe` to records of kind "host"."""

    def __init__(self) -> None:
        self.changes: dict[str, list[tuple[int, State]]] = {}
        self.left_out = 0

    def add_host(self, name: str) -> None:
        """Know a host from the start, even if it never boots."""
        self.changes.setdefault(name, [(0, "down")])

    def observe(self, record: Record) -> None:
        """Follow one transition; the manner is the first detail. Unknown manners (stop, for one) change nothing."""
        state = _AFTER.get(str(record.detail[0])) if record.detail else None
        if state is None:
            return
        self.add_host(record.host)
        changes = self.changes[record.host]
        time_ns, before = changes[-1]
        if state == before or (record.detail[0] in ("pause", "resume") and before == "down"):
            return
        if time_ns == record.time_ns == 0 and before == "down" and len(changes) == 1:
            changes[0] = (0, state)
        elif len(changes) < TRANSITIONS_MAX:
            changes.append((record.time_ns, state))
        else:
            self.left_out += 1
            changes[-1] = (record.time_ns, state)

    def at(self, host: str, time_ns: int) -> State:
        """Return the state of a host at a moment."""
        return next((state for since_ns, state in reversed(self.changes.get(host, ())) if since_ns <= time_ns), "down")
