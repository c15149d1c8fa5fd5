"""Metastability: a trigger has gone, the load is what was served before, and still goodput does not come back.

What keeps a system down is then a sustaining effect of its own, such as retries that make it too busy to answer anybody
in time (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021; Huang et al., "Metastable Failures in
the Wild", OSDI 2022). A trigger is a fault, or a load above what had been served. A system marks the methods that see
its events and calls `offered` for each request that users make, `served` for each that is answered in time to be of
use.

It deliberately does not look for the sustaining effect itself: it tells trigger, steady state, how far goodput fell,
and when it came back, if it did.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import ClassVar

from simkit.checks.check import Check, Step, Violation
from simkit.observe.moment import NANOSECONDS, moment, number, span

STEADY_KEPT = 60
"""Intervals before a trigger that say what was steady: the last ones."""

NAMES_MAX = 4
"""Triggers, and targets of one, that a text names; the rest is counted."""

OVERLOAD = "the overload"


@dataclass(frozen=True)
class Steady:
    """What was offered and served for each interval before a trigger, on average; the most that was; since when."""

    offered: float
    served: float
    most: int
    begin_ns: int


@dataclass
class Episode:
    """One trigger, or several that overlap, and what came after.

    Attributes:
        steady: before it.
        begin_ns: when the first trigger began.
        triggers: their names, with what they struck.
        gone_ns: when the last of them went, None while one is there.
        idle_ns: time since then that says nothing: nothing was offered, or more than had been served.
        well: intervals in a row, the last ones that say something, in which goodput was back; since `back_ns`.
        offered, served, intervals: sums of those in which it was not, since the trigger has gone.
        exceeded_ns: when it had taken too long.
    """

    steady: Steady
    begin_ns: int
    triggers: dict[str, str] = field(default_factory=dict)
    gone_ns: int | None = None
    idle_ns: int = 0
    well: int = 0
    back_ns: int = 0
    offered: int = 0
    served: int = 0
    intervals: int = 0
    exceeded_ns: int | None = None

    def named(self) -> str:
        """Return the triggers in words: ``slow``, ``slow and cut``."""
        names = list(self.triggers)
        more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
        return " and ".join(names[:NAMES_MAX]) + more

    def described(self) -> str:
        """Return them with what they struck: ``slow (server)``."""
        given = [f"{name} ({struck})" if struck else name for name, struck in self.triggers.items()]
        return " and ".join(given[:NAMES_MAX])

    def gone(self, time_ns: int) -> None:
        """Begin to count how long recovery takes."""
        self.gone_ns, self.idle_ns, self.well = time_ns, 0, 0
        self.offered = self.served = self.intervals = 0


class Metastability(Check):
    """Once a trigger has gone, goodput comes back by itself.

    Attributes:
        within_s: how long it may stay down after the trigger has gone.
        share: it is down below this share of what is offered, or of what was served before where more is offered.
        interval_s: requests are counted in intervals of this length; take a few dozen requests, and several latencies.
        steady_intervals: so many in a row make a steady state, before a trigger and after recovery.
    """

    within_s: ClassVar[float] = 30.0
    share: ClassVar[float] = 0.8
    interval_s: ClassVar[float] = 1.0
    steady_intervals: ClassVar[int] = 3

    def __init__(self) -> None:
        super().__init__()
        name = type(self).__name__
        if not 0 < self.share <= 1:
            raise ValueError(f"{name}.share is above 0 and at most 1, not {self.share}")
        if not 1 <= self.steady_intervals <= STEADY_KEPT:
            raise ValueError(f"{name}.steady_intervals is from 1 to {STEADY_KEPT}, not {self.steady_intervals}")
        if not 1e-6 <= self.interval_s <= self.within_s / 2 < float("inf"):
            raise ValueError(f"{name}: within_s {self.within_s} is not told by intervals of {self.interval_s} s")
        self._interval_ns = round(self.interval_s * NANOSECONDS)
        self._number = self._offered = self._served = self._end_ns = 0
        self._troubled = False
        self._holding: Counter[str] = Counter()
        self._before: deque[tuple[int, int, int]] = deque(maxlen=STEADY_KEPT)
        self._episode: Episode | None = None
        self.recovered = 0
        self.slowest_ns = 0
        self._unjudged = ""

    # -- what the system says

    def offered(self, time_ns: int, count: int = 1) -> None:
        """Note requests of users: each once, however often it is tried."""
        self._advance(time_ns)
        self._offered += count

    def served(self, time_ns: int, count: int = 1) -> None:
        """Note answers that came in time to be of use."""
        self._advance(time_ns)
        self._served += count

    # -- what the run says

    @property
    def holds(self) -> bool:
        """Whether no trigger is there and goodput is what it was."""
        return self._episode is None

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self._advance(time_ns)
        self._holding[name] += 1
        self._troubled = True
        episode = self._episode
        if episode is not None and episode.exceeded_ns is not None:
            self._tell(episode, f"not back when {name} began, after {self._since(episode, time_ns)}")
            episode = self._episode = Episode(episode.steady, time_ns)
        if episode is None:
            episode = self._episode = self._begun(time_ns, name)
        if episode is not None:
            struck = f"{', '.join(targets[:NAMES_MAX])}{' and more' if len(targets) > NAMES_MAX else ''}"
            episode.triggers.setdefault(name, struck)
            episode.gone_ns = None

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self._advance(time_ns)
        self._holding[name] -= 1
        if not self._holding[name]:
            del self._holding[name]
        if not self._holding and time_ns == self._number * self._interval_ns:
            self._troubled = False  # it has gone just as the interval begins
        if self._episode is not None and not self._holding:
            self._episode.gone(time_ns)

    def unmet(self) -> Violation | None:
        episode = self._episode
        if episode is None or episode.gone_ns is None:
            return None
        return self._violation(episode, self._end_ns, "not back when the run ended")

    def conclude(self, end_ns: int) -> None:
        self._end_ns = end_ns
        self._advance(end_ns)
        episode = self._episode
        if episode is None:
            if not self.recovered and not self.violations_total:
                self.undecided = self._unjudged or "no fault began and the load never rose: there was no trigger"
        elif episode.exceeded_ns is not None:
            self._tell(episode, f"not back when the run ended, after {self._since(episode, end_ns)}")
        elif episode.gone_ns is None:
            self.undecided = f"the run ended while {episode.named()} held"
        else:
            idle = f", {span(episode.idle_ns)} of it without a load to judge by" if episode.idle_ns else ""
            bound = span(round(self.within_s * NANOSECONDS))
            after = f"{self._since(episode, end_ns)} after {episode.named()} had gone"
            self.undecided = f"the run ended {after}{idle}, before the bound of {bound}"

    # -- intervals

    def _advance(self, time_ns: int) -> None:
        """Judge every interval that is over."""
        current = time_ns // self._interval_ns
        if current == self._number:
            return
        self._close(self._number, self._offered, self._served)
        self._offered = self._served = 0
        self._troubled = bool(self._holding)
        # Silence says nothing, however long it is.
        if self._episode is not None and self._episode.gone_ns is not None:
            self._episode.idle_ns += (current - self._number - 1) * self._interval_ns
        self._number = current

    def _close(self, interval: int, offered: int, served: int) -> None:
        if self._troubled:
            return
        begin_ns = interval * self._interval_ns
        if self._episode is None and self._overloaded(offered, served):
            self._episode = self._begun(begin_ns, OVERLOAD)
            if self._episode is not None:
                self._episode.triggers[OVERLOAD] = ""
                self._episode.gone(begin_ns + self._interval_ns)
                return
        if self._episode is not None:
            self._judge(self._episode, begin_ns, offered, served)
        elif offered:
            self._before.append((begin_ns, offered, served))

    def _judge(self, episode: Episode, begin_ns: int, offered: int, served: int) -> None:
        """Judge an interval after the trigger has gone."""
        assert episode.gone_ns is not None
        end_ns = begin_ns + self._interval_ns
        steady = episode.steady
        overloaded = offered > steady.most and served < self.share * offered
        if overloaded and not episode.intervals:
            episode.triggers[OVERLOAD] = ""
            episode.gone(end_ns)
        elif overloaded or not offered:
            episode.idle_ns += self._interval_ns
        elif served < self.share * min(offered, steady.served):
            episode.well = 0
            episode.offered += offered
            episode.served += served
            episode.intervals += 1
            late = end_ns - episode.gone_ns - episode.idle_ns > self.within_s * NANOSECONDS
            if late and episode.exceeded_ns is None:
                episode.exceeded_ns = end_ns
        else:
            if not episode.well:
                episode.back_ns = begin_ns
            episode.well += 1
            if episode.well >= self.steady_intervals:
                self._recover(episode, episode.back_ns)

    def _recover(self, episode: Episode, back_ns: int) -> None:
        assert episode.gone_ns is not None
        if episode.exceeded_ns is not None:
            self._tell(episode, f"back after {self._since(episode, back_ns)}")
        else:
            self.recovered += 1
            self.slowest_ns = max(self.slowest_ns, back_ns - episode.gone_ns)
        self._episode = None

    def _overloaded(self, offered: int, served: int) -> bool:
        """Whether more is offered than was ever served, and is not served."""
        if not offered:
            return False
        before = self._steady()
        # Who never served what was offered has no load that is above it.
        return before is not None and 0 < before.most < offered and served < self.share * offered

    def _steady(self) -> Steady | None:
        count = len(self._before)
        if count < self.steady_intervals:
            return None
        return Steady(
            offered=sum(offered for _, offered, _ in self._before) / count,
            served=sum(served for _, _, served in self._before) / count,
            most=max((offered for _, offered, served in self._before if served >= self.share * offered), default=0),
            begin_ns=self._before[0][0],
        )

    # -- episodes

    def _begun(self, time_ns: int, name: str) -> Episode | None:
        """Return the episode of a trigger, None where nothing steady went before it, which is then told."""
        steady = self._steady()
        if steady is None:
            self._unjudged = f"nothing steady was seen before {name} began at {moment(time_ns)}"
        elif steady.served < self.share * steady.offered:
            served = f"{self._rate(steady.served)} of {self._rate(steady.offered)}"
            self._unjudged = f"already before {name} began at {moment(time_ns)} only {served} was served"
        else:
            return Episode(steady, time_ns)
        return None

    def _tell(self, episode: Episode, outcome: str) -> None:
        assert episode.exceeded_ns is not None
        found = self._violation(episode, episode.exceeded_ns, outcome)
        self.violated(found.time_ns, found.host, found.text, *found.story)

    def _violation(self, episode: Episode, time_ns: int, outcome: str) -> Violation:
        assert episode.gone_ns is not None
        steady, down = episode.steady, max(1, episode.intervals)
        offered, served = self._rate(episode.offered / down), self._rate(episode.served / down)
        before = self._rate(steady.served)
        waited = f"for {self._since(episode, time_ns)} after {episode.named()} had gone"
        text = f"goodput {served} of {offered} {waited}, {before} before; {outcome}"
        story = (
            Step(
                min(steady.begin_ns, episode.begin_ns), "", f"steady: {before} of {self._rate(steady.offered)} served"
            ),
            Step(episode.gone_ns, "", f"{episode.described()} has gone"),
            Step(time_ns, "", text),
        )
        return Violation(time_ns, "", text, story)

    def _since(self, episode: Episode, time_ns: int) -> str:
        assert episode.gone_ns is not None
        return span(time_ns - episode.gone_ns)

    def _rate(self, requests: float) -> str:
        return f"{number(requests / self.interval_s)}/s"

    def summary(self) -> str:
        if self.violations_total:
            return f"{self.violations_total} of {self.violations_total + self.recovered} times not back in time"
        times = "once" if self.recovered == 1 else f"{self.recovered:,} times"
        unjudged = f"; {self._unjudged}" if self._unjudged else ""
        return f"recovered {times}, at the slowest {span(self.slowest_ns)} after the trigger had gone{unjudged}"
