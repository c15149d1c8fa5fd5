"""A first-in-first-out queue in front of one or more servers, as arithmetic.

A job's completion time is known the moment it arrives, so a processor, a disk or a link needs no process of its own
and no event but the one at completion.

It is deliberately not preemptive and has no priorities; a system that needs those models them in its own code.
"""

from heapq import heapreplace


class Station:
    """`servers` servers that take jobs in the order of their arrival."""

    __slots__ = ("_free_ns",)

    def __init__(self, servers: int = 1) -> None:
        if servers < 1:
            raise ValueError(f"a station needs at least one server, not {servers}")
        self._free_ns = [0] * servers

    def admit(self, now_ns: int, service_ns: int) -> int:
        """Take a job of `service_ns` nanoseconds that arrives now; return when it is done."""
        if service_ns < 0:
            raise ValueError(f"a job cannot take {service_ns} ns")
        done_ns = max(now_ns, self._free_ns[0]) + service_ns
        heapreplace(self._free_ns, done_ns)
        return done_ns

    def backlog_ns(self, now_ns: int) -> int:
        """Return how long a job that arrives now would wait before its service begins."""
        return max(0, self._free_ns[0] - now_ns)

    def clear(self, now_ns: int) -> None:
        """Drop every job: the machine ended."""
        self._free_ns = [now_ns] * len(self._free_ns)
