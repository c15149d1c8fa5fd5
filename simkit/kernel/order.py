"""The order of everything that happens, as a small executable specification.

Read this page to know the rule; both cores are tested against it. Speed plays no part here: every decision is a search
through plain lists, so that each sentence of the rule is one line of code.

The rule:

1. Time moves to the earliest instant at which a host that is neither frozen nor buried has something to do.
2. An instant is drained in rounds. A round holds the hosts that have something to do when it starts; what a host of
   the round causes for itself belongs to its turn, what it causes for a host whose turn has passed to the next round.
3. In a round the world's own loop goes first, the others by `hash64(seed, "schedule", instant, host)`.
4. A turn is a sequence of passes, as in asyncio. A pass appends the I/O received so far by (time, sequence) to the
   ready queue, then the timers due by (deadline, sequence), and then runs as many callbacks, first in first out, as
   the queue held at that moment. The turn ends when a pass finds nothing.
5. A frozen host keeps what it receives and the timers that fall due; when it thaws, both are of that instant.
6. What is cancelled before its instant has come never was; what is cancelled later keeps its place and does nothing.
7. A buried host never runs again, and what is sent to it vanishes.

It deliberately knows no task, no message and no clock but the world's.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from struct import Struct

from xxhash import xxh3_64_intdigest

CONTROL = -1
"""The number of the world's own loop, which runs first in every round."""

Action = Callable[[], object]
_TURN = Struct("<qq")


def schedule_key(seed: int) -> int:
    """Return the key from which a run's order of hosts is derived."""
    return xxh3_64_intdigest(b"schedule", seed & 0xFFFF_FFFF_FFFF_FFFF)


def turn_hash(key: int, time_ns: int, host: int) -> int:
    """Return the place of a host among the others of its round; the world's own loop comes first."""
    return -1 if host == CONTROL else xxh3_64_intdigest(_TURN.pack(time_ns, host), key)


@dataclass
class _Host:
    received: list[tuple[int, int, Action]] = field(default_factory=list)
    timers: list[tuple[int, int, Action]] = field(default_factory=list)
    ready: list[Action] = field(default_factory=list)
    frozen: bool = False
    buried: bool = False

    def next_time(self, now_ns: int) -> int | None:
        if self.frozen or self.buried:
            return None
        times = [time_ns for time_ns, _, _ in self.received + self.timers]
        times += [now_ns] if self.ready else []
        return max(now_ns, min(times)) if times else None


class Specification:
    """Runs actions of numbered hosts in the specified order and remembers it in `log`."""

    def __init__(self, seed: int) -> None:
        self.now_ns = 0
        self.log: list[tuple[int, int, Hashable]] = []
        self._key = schedule_key(seed)
        self._hosts: dict[int, _Host] = {}
        self._sequence = 0

    def post(self, time_ns: int, host: int, action: Action) -> None:
        """Let `host` receive I/O at `time_ns`."""
        if not self._host(host).buried:
            self._host(host).received.append((time_ns, self._next(), action))

    def call_at(self, deadline_ns: int, host: int, action: Action) -> None:
        """Set a timer of `host`."""
        if not self._host(host).buried:
            self._host(host).timers.append((deadline_ns, self._next(), action))

    def call_soon(self, host: int, action: Action) -> None:
        """Append a callback to the ready queue of `host`."""
        if not self._host(host).buried:
            self._host(host).ready.append(action)

    def freeze(self, host: int) -> None:
        """Let `host` stand still, between two of its callbacks."""
        self._host(host).frozen = True

    def thaw(self, host: int) -> None:
        """Let `host` go on."""
        self._host(host).frozen = False

    def bury(self, host: int) -> None:
        """End `host` for good."""
        self._hosts[host] = _Host(buried=True)

    def run(self, until_ns: int) -> None:
        """Run every instant up to and including `until_ns`."""
        while True:
            times = [t for h in self._hosts.values() if (t := h.next_time(self.now_ns)) is not None]
            if not times or min(times) > until_ns:
                break
            self.now_ns = min(times)
            self._round()
        self.now_ns = until_ns

    def _round(self) -> None:
        waiting = [number for number, host in self._hosts.items() if host.next_time(self.now_ns) == self.now_ns]
        for number in sorted(waiting, key=lambda number: turn_hash(self._key, self.now_ns, number)):
            self._turn(number)

    def _turn(self, number: int) -> None:
        while True:
            host = self._host(number)
            if host.frozen or host.buried:
                return
            for queue in (host.received, host.timers):
                due = sorted(entry for entry in queue if entry[0] <= self.now_ns)
                queue[:] = [entry for entry in queue if entry[0] > self.now_ns]
                host.ready += [action for _, _, action in due]
            count = len(host.ready)
            if count == 0:
                return
            for _ in range(count):
                if self._hosts[number].buried or host.frozen:
                    return
                host.ready.pop(0)()

    def _host(self, number: int) -> _Host:
        return self._hosts.setdefault(number, _Host())

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
