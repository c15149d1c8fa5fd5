"""Whether a group works again when nothing fails any more: `eventually commits_go_on within 4s`.

It deliberately asks for one commit: how many there are is a matter of load, and of metrics.
"""

from __future__ import annotations

from simkit.checks.check import Step, Violation, sees
from simkit.observe.moment import moment
from simkit_nodes.blocks.raft.checks import RaftCheck
from simkit_nodes.blocks.raft.events import RaftCommitted


class CommitsGoOn(RaftCheck):
    """Some leader has committed an entry since a fault began or ended last."""

    name = "commits_go_on"

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0
        self._edge_ns = self._end_ns = 0
        self._resumed_ns: int | None = None

    @property
    def holds(self) -> bool:
        """See `Check.holds`."""
        return self._resumed_ns is not None

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        """See `Check.fault_began`."""
        self._edge_ns, self._resumed_ns = time_ns, None

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        """See `Check.fault_ended`."""
        self._edge_ns, self._resumed_ns = time_ns, None

    @sees(RaftCommitted)
    def _committed(self, time_ns: int, host: str, event: RaftCommitted) -> None:
        self.commits += 1
        if self._resumed_ns is None:
            self._resumed_ns = time_ns

    def conclude(self, end_ns: int) -> None:
        """See `Check.conclude`."""
        self._end_ns = end_ns

    def unmet(self) -> Violation | None:
        """Tell what servers did meanwhile: mostly elections that nobody won."""
        until_ns = self._end_ns if self._resumed_ns is None else self._resumed_ns
        steps = [step for group in self._deeds for step in self.deeds(group) if step.time_ns <= until_ns]
        text = f"no entry was committed from {moment(self._edge_ns)} to {moment(until_ns)}"
        return Violation(until_ns, "", text, (*steps, Step(until_ns, "", text)))

    def summary(self) -> str:
        return f"{self.commits:,} commits"
