"""The database's own figures: who led which term, and who voted.

They deliberately look at emitted events alone, as checks do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simkit.plot import Lane, Picture, Plot, Span, Tone, sees
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftStarted, RaftSteppedDown, RaftVoted

SECOND = 1_000_000_000
GROUPS_MAX = 1
"""Of hosts with many groups only a bare one is drawn: a lane for each host is all there is room for."""


@dataclass
class _Led:
    """One leadership, until the host says that it is over."""

    host: str
    term: int
    begin_ns: int
    again: bool
    end_ns: int | None = None

    def span(self, end_ns: int) -> Span:
        tone: Tone = "alarm" if self.again else "first"
        return Span(parts=((self.begin_ns, end_ns if self.end_ns is None else self.end_ns, tone),), text=f"{self.term}")


@dataclass
class _Votes:
    dots: list[tuple[int, Tone]] = field(default_factory=list)


class Leaders(Plot):
    """Who led which term, of a single Raft group, and when votes were given."""

    name = "leaders"
    title = "Who led which term"

    def __init__(self) -> None:
        self._groups: dict[int, None] = {}
        self._led: list[_Led] = []
        self._open: dict[str, _Led] = {}
        self._terms: dict[int, str] = {}
        self._voted: dict[tuple[str, int], str] = {}
        self._votes: dict[str, _Votes] = {}

    @sees(RaftStarted)
    def _start(self, time_ns: int, host: str, event: RaftStarted) -> None:
        self._groups.setdefault(event.group)
        self._votes.setdefault(host, _Votes())
        self._end(time_ns, host)

    @sees(RaftBecameLeader)
    def _lead(self, time_ns: int, host: str, event: RaftBecameLeader) -> None:
        self._end(time_ns, host)
        first = self._terms.setdefault(event.term, host)
        self._open[host] = _Led(host, event.term, time_ns, again=first != host)
        self._led.append(self._open[host])

    @sees(RaftSteppedDown)
    def _step_down(self, time_ns: int, host: str, event: RaftSteppedDown) -> None:
        self._end(time_ns, host)

    @sees(RaftVoted)
    def _vote(self, time_ns: int, host: str, event: RaftVoted) -> None:
        before = self._voted.setdefault((host, event.term), event.candidate)
        tone: Tone = "first" if before == event.candidate else "alarm"
        self._votes.setdefault(host, _Votes()).dots.append((time_ns, tone))

    def _end(self, time_ns: int, host: str) -> None:
        led = self._open.pop(host, None)
        if led is not None:
            led.end_ns = time_ns

    def picture(self, end_ns: int) -> Picture | None:
        if not self._led or len(self._groups) > GROUPS_MAX:
            return None
        lanes = []
        for host, votes in sorted(self._votes.items(), key=lambda each: (len(each[0]), each[0])):
            spans = [led.span(end_ns) for led in self._led if led.host == host]
            marks = [
                Span(parts=((time_ns, time_ns, "faint"),), dots=((time_ns, tone),)) for time_ns, tone in votes.dots
            ]
            lanes.append(Lane(label=host, host=host, spans=(*spans, *marks)))
        return Picture(
            name=self.name,
            title=self.title,
            over_time=True,
            lanes=tuple(lanes),
            tones={"first": "leads", "alarm": "leads a term that has a leader"},
            note="Numbers are terms. A dot is a vote for somebody else, a cross another one in the same term.",
        )


PLOTS: tuple[type[Plot], ...] = (Leaders,)
