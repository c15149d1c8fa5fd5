"""The settings of a Raft server: its times, its limits, and its protections, each of which can be turned off.

The fields that turn protections off exist so that a scenario can show what breaks without them; nobody would set them
otherwise. Defaults are those of a careful operator.

Times are deliberately given in nanoseconds of the server's own monotonic clock, not in ticks: the randomness of
election timeouts matters at the scale of milliseconds (section 9.3 of the paper).
"""

from __future__ import annotations

from dataclasses import dataclass

MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Options:
    """How a server behaves.

    Attributes:
        election_timeout_min_ns, election_timeout_max_ns: a server that hears nothing begins an election after a time
            drawn uniformly from between these.
        heartbeat_ns: how often a leader makes itself heard.
        entries_max, entries_bytes_max: how much one `AppendEntries` carries at most; one entry always fits.
        inflight_max: how many `AppendEntries` with entries may be unanswered on the way to one follower.
        proposals_bytes_max: how many bytes of entries a leader keeps uncommitted before it refuses more.
        clock_drift_max_ppm: how far the rates of two servers' clocks are apart at most, in parts per million; leases
            are shortened by it. 1,000 is ten times what quartz does.
        ask_again_ns: how often a candidate repeats its requests to those who have not answered, None for never: then
            the next timeout begins another election.
        pre_vote: ask before campaigning, so that a server that cannot win disturbs nobody (thesis, section 9.6).
        check_quorum: a leader without a majority steps down, and followers that hear from a leader vote for nobody
            (thesis, sections 6.2 and 4.2.3).
        leases: reads at the leader need no round of heartbeats while its lease lasts (thesis, section 6.4.1). Needs
            `check_quorum`: followers that vote at any time promise nothing.
        lease_clock_guard: leases respect `clock_drift_max_ppm` and end when the driver distrusts the clock.
        joint_consensus: membership changes go through C_old,new; without it servers switch at once (figure 10 of the
            paper).
        vote_persist: the vote survives a restart.
        commit_prev_term: a leader commits entries of earlier terms by counting replicas, which figure 8 of the paper
            shows to be wrong. False is right.
    """

    election_timeout_min_ns: int = 1_000 * MILLISECOND
    election_timeout_max_ns: int = 2_000 * MILLISECOND
    heartbeat_ns: int = 200 * MILLISECOND
    entries_max: int = 256
    entries_bytes_max: int = 256 * 1024
    inflight_max: int = 64
    proposals_bytes_max: int = 16 * 1024 * 1024
    clock_drift_max_ppm: int = 1_000
    ask_again_ns: int | None = None
    pre_vote: bool = True
    check_quorum: bool = True
    leases: bool = True
    lease_clock_guard: bool = True
    joint_consensus: bool = True
    vote_persist: bool = True
    commit_prev_term: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.election_timeout_min_ns <= self.election_timeout_max_ns:
            raise ValueError("raft needs 0 < election_timeout_min_ns <= election_timeout_max_ns")
        if not 0 < self.heartbeat_ns < self.election_timeout_min_ns:
            raise ValueError("raft needs 0 < heartbeat_ns < election_timeout_min_ns")
        if self.ask_again_ns is not None and self.ask_again_ns < 1:
            raise ValueError("raft needs ask_again_ns >= 1")
        if min(self.entries_max, self.entries_bytes_max, self.inflight_max, self.proposals_bytes_max) < 1:
            raise ValueError("raft needs limits of at least 1")
        if not 0 <= self.clock_drift_max_ppm < 1_000_000:
            raise ValueError("raft needs 0 <= clock_drift_max_ppm < 1,000,000")

    @property
    def lease_ns(self) -> int:
        """How long a lease lasts from the sending of the heartbeats that won it, on the leader's clock."""
        length_ns = self.election_timeout_min_ns
        return length_ns - length_ns * self.clock_drift_max_ppm // 1_000_000 if self.lease_clock_guard else length_ns
