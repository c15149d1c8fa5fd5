"""The four safety properties of Raft that a run can break (figure 3 of the paper), for any number of groups, and what
other checks of Raft are made of.

They read what the servers say about themselves. Leader Append-Only, the fifth, is not judged alone: a leader that
overwrote its log would break Log Matching.

They deliberately believe a server about its own log: whether a disk kept it is told by `RaftStarted` after a restart.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from simkit.checks.check import Check, Step, sees
from simkit.node import Event
from simkit_nodes.blocks.raft.events import (
    RaftAppended,
    RaftApplied,
    RaftBecameLeader,
    RaftCampaigned,
    RaftCommitted,
    RaftReconfigured,
    RaftSnapshotInstalled,
    RaftStarted,
    RaftSteppedDown,
    RaftVoted,
)

ENTRIES_MAX = 1_000_000
DEEDS_KEPT = 14
LEADERS_KEPT = 64


def describe(host: str, event: Any) -> str:
    """One line that says what a server has done."""
    match event:
        case RaftStarted():
            return f"starts in term {event.term} with a log up to {event.last_index}"
        case RaftCampaigned(pre_vote=True):
            return f"asks who would vote for it in term {event.term}"
        case RaftCampaigned():
            return f"is a candidate of term {event.term}"
        case RaftVoted():
            # A story shows whose message came before: the candidate's, which the vote goes back to.
            return f"is asked: {host} votes for {event.candidate} in term {event.term}"
        case RaftBecameLeader():
            by = f", elected by {' and '.join(sorted(event.voters))}" if event.voters else ""
            return f"leads term {event.term}{by}"
        case RaftSteppedDown():
            return f"leads term {event.term} no more: {event.reason}"
        case RaftAppended():
            last = event.first_index + len(event.terms) - 1
            return f"has entries {event.first_index} to {last}, the last of term {event.terms[-1]}"
        case RaftCommitted():
            return f"as leader of term {event.term}: entry {event.index} of term {event.entry_term} is committed"
        case RaftApplied():
            return f"applies entries {event.first_index} to {event.first_index + len(event.digests) - 1}"
        case RaftSnapshotInstalled():
            return f"has a snapshot up to entry {event.index} of term {event.term}"
        case RaftReconfigured():
            old = f"{', '.join(event.outgoing)} with " if event.outgoing else ""
            return f"entry {event.index}: the voters are {old}{', '.join(event.voters)}"
    return type(event).__name__


class RaftCheck(Check):
    """A check about groups: it remembers the last deeds in each, and tells them with a violation."""

    def __init__(self) -> None:
        super().__init__()
        self._deeds: dict[int, deque[tuple[int, str, Event]]] = {}

    @sees(
        RaftStarted,
        RaftCampaigned,
        RaftVoted,
        RaftBecameLeader,
        RaftSteppedDown,
        RaftReconfigured,
        RaftSnapshotInstalled,
    )
    def _remember(self, time_ns: int, host: str, event: Any) -> None:
        self.remember(time_ns, host, event)

    def remember(self, time_ns: int, host: str, event: Any) -> None:
        """Keep an event for the story of the next violation in its group."""
        deeds = self._deeds.get(event.group)
        if deeds is None:
            deeds = self._deeds[event.group] = deque(maxlen=DEEDS_KEPT)
        deeds.append((time_ns, host, event))

    def broken(self, time_ns: int, host: str, group: int, text: str, *known: Step, term: int | None = None) -> None:
        """Note a violation: what is known of the other side, the last deeds of the group, what happened now.

        Args:
            term: the only one of which it tells, beside restarts.
        """
        steps = {(step.time_ns, step.host, step.text): step for step in (*known, *self.deeds(group, term))}
        self.violated(time_ns, host, text, *(step for _, step in sorted(steps.items())), Step(time_ns, host, text))

    def deeds(self, group: int, term: int | None = None) -> list[Step]:
        """Return the last deeds of a group; with a term those in it, and the restarts since."""
        deeds = list(self._deeds.get(group, ()))
        if term is not None:
            deeds = [each for each in deeds if isinstance(each[2], RaftStarted) or getattr(each[2], "term", 0) == term]
            while deeds and isinstance(deeds[0][2], RaftStarted):
                del deeds[0]
        return [Step(time_ns, host, describe(host, event)) for time_ns, host, event in deeds]


class ElectionSafety(RaftCheck):
    """At most one leader is elected in a term."""

    name = "election_safety"

    def __init__(self) -> None:
        super().__init__()
        self.elections = 0
        self._leaders: dict[tuple[int, int], tuple[int, str, RaftBecameLeader]] = {}

    @sees(RaftBecameLeader)
    def _elected(self, time_ns: int, host: str, event: RaftBecameLeader) -> None:
        self.elections += 1
        first_ns, first, elected = self._leaders.setdefault((event.group, event.term), (time_ns, host, event))
        if (first_ns, first) != (time_ns, host):
            text = f"{host} and {first} both lead term {event.term}"
            known = Step(first_ns, first, describe(first, elected))
            self.broken(time_ns, host, event.group, text, known, term=event.term)

    def summary(self) -> str:
        return f"{self.elections:,} elections, {self.violations_total:,} second leaders of a term"


class LogMatching(RaftCheck):
    """If two logs contain an entry with the same index and term, they are identical up to it.

    Judged entry by entry: same index and term must mean same content and same term of the entry before; the rest
    follows by induction.
    """

    name = "log_matching"

    def __init__(self) -> None:
        super().__init__()
        self.entries = 0
        self._known: dict[tuple[int, int, int], tuple[int, int, int, str]] = {}

    @sees(RaftAppended)
    def _appended(self, time_ns: int, host: str, event: RaftAppended) -> None:
        known, group, prev_term = self._known, event.group, event.prev_term
        self.entries += len(event.terms)
        if len(known) >= ENTRIES_MAX:
            self.undecided = f"more than {ENTRIES_MAX:,} entries to tell apart"
            return
        for index, (term, digest) in enumerate(zip(event.terms, event.digests, strict=True), event.first_index):
            seen = known.setdefault((group, index, term), (prev_term, digest, time_ns, host))
            if seen[0] != prev_term or seen[1] != digest:
                what = "another content" if seen[1] != digest else "another entry before it"
                text = f"entry {index} of term {term} has {what} on {host} than on {seen[3]}"
                step = Step(seen[2], seen[3], f"has entry {index} of term {term}")
                self.broken(time_ns, host, group, text, step)
                return
            prev_term = term

    def summary(self) -> str:
        return f"{self.entries:,} entries in logs, {self.violations_total:,} unlike their namesakes"


class MirroredLog:
    """The terms of one server's log, as its events tell them: where each term begins, and where the log ends."""

    def __init__(self, runs: tuple[tuple[int, int], ...] = ((0, 0),), last_index: int = 0) -> None:
        self.runs = list(runs)
        self.last_index = last_index

    def copy(self) -> MirroredLog:
        return MirroredLog(tuple(self.runs), self.last_index)

    def append(self, first_index: int, terms: tuple[int, ...]) -> None:
        runs = self.runs
        while len(runs) > 1 and runs[-1][0] >= first_index:
            runs.pop()
        # Terms never decrease in a log, so equal ends mean one term.
        if terms[0] == terms[-1]:
            terms = terms[:1]
        for place, term in enumerate(terms):
            if term != runs[-1][1]:
                runs.append((first_index + place, term))

    def has(self, index: int, term: int) -> bool:
        """Whether the entry is there; what is discarded counts as there."""
        if index > self.last_index:
            return False
        for begin, found in reversed(self.runs):
            if begin <= index:
                return found == term
        return True


class Leadership(NamedTuple):
    """Who led a term, and what its log was when it began to."""

    term: int
    elected: Step
    log: MirroredLog


class LeaderCompleteness(RaftCheck):
    """An entry that is committed in one term is in the log of the leader of every later term."""

    name = "leader_completeness"

    def __init__(self) -> None:
        super().__init__()
        self.commits = self.elections = 0
        self._logs: dict[tuple[int, str], MirroredLog] = {}
        self._committed: dict[int, dict[int, tuple[int, str, RaftCommitted]]] = {}
        self._leaders: dict[int, deque[Leadership]] = {}

    def _log(self, group: int, host: str) -> MirroredLog:
        log = self._logs.get((group, host))
        if log is None:
            log = self._logs[group, host] = MirroredLog()
        return log

    @sees(RaftStarted)
    def _started(self, time_ns: int, host: str, event: RaftStarted) -> None:
        self._logs[event.group, host] = MirroredLog(event.runs, event.last_index)

    @sees(RaftSnapshotInstalled)
    def _installed(self, time_ns: int, host: str, event: RaftSnapshotInstalled) -> None:
        self._logs[event.group, host] = MirroredLog(((event.index, event.term),), event.index)

    @sees(RaftAppended)
    def _appended(self, time_ns: int, host: str, event: RaftAppended) -> None:
        log = self._log(event.group, host)
        log.append(event.first_index, event.terms)
        log.last_index = event.first_index + len(event.terms) - 1

    @sees(RaftCommitted)
    def _commit(self, time_ns: int, host: str, event: RaftCommitted) -> None:
        self.commits += 1
        # Of one term's commits the last implies the others: the log before it is one log.
        self._committed.setdefault(event.group, {})[event.term] = (time_ns, host, event)
        for led in self._leaders.get(event.group, ()):
            if led.term > event.term:
                self._compare(time_ns, led, time_ns, host, event)

    @sees(RaftBecameLeader)
    def _elected(self, time_ns: int, host: str, event: RaftBecameLeader) -> None:
        self.elections += 1
        elected = Step(time_ns, host, describe(host, event))
        led = Leadership(event.term, elected, self._log(event.group, host).copy())
        self._leaders.setdefault(event.group, deque(maxlen=LEADERS_KEPT)).append(led)
        for term, (committed_ns, leader, commit) in self._committed.get(event.group, {}).items():
            if term < event.term:
                self._compare(time_ns, led, committed_ns, leader, commit)

    def _compare(self, time_ns: int, led: Leadership, committed_ns: int, host: str, commit: RaftCommitted) -> None:
        if led.log.has(commit.index, commit.entry_term):
            return
        entry = f"entry {commit.index} of term {commit.entry_term}"
        leader = led.elected.host
        text = f"{leader} leads term {led.term} without {entry}, which {host} committed in term {commit.term}"
        self.broken(time_ns, leader, commit.group, text, Step(committed_ns, host, describe(host, commit)), led.elected)

    def summary(self) -> str:
        return f"{self.commits:,} commits, {self.elections:,} leaders, {self.violations_total:,} entries missing"


class StateMachineSafety(RaftCheck):
    """No two servers apply different entries at one index."""

    name = "state_machine_safety"

    def __init__(self) -> None:
        super().__init__()
        self.applied = 0
        self._known: dict[tuple[int, int], tuple[int, int, str]] = {}

    @sees(RaftApplied)
    def _applied(self, time_ns: int, host: str, event: RaftApplied) -> None:
        known, group = self._known, event.group
        self.applied += len(event.digests)
        if len(known) >= ENTRIES_MAX:
            self.undecided = f"more than {ENTRIES_MAX:,} entries to tell apart"
            return
        for index, digest in enumerate(event.digests, event.first_index):
            seen = known.setdefault((group, index), (digest, time_ns, host))
            if seen[0] != digest:
                text = f"{host} applies another entry {index} than {seen[2]}"
                self.broken(time_ns, host, group, text, Step(seen[1], seen[2], f"applies entry {index}"))
                return

    def summary(self) -> str:
        return f"{self.applied:,} entries applied, {self.violations_total:,} unlike another server's"


SAFETY: tuple[type[Check], ...] = (ElectionSafety, LogMatching, LeaderCompleteness, StateMachineSafety)
