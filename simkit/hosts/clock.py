"""The clock of one machine: monotonic time that may run fast or slow, and wall time that may also be stepped.

All values are integer nanoseconds and every conversion is exact rational arithmetic, so that a timer set in host time
fires at the one world time at which the host's clock first shows its deadline.

It is deliberately not a model of who corrects a clock: time daemons, leap seconds and wandering crystals are built on
`shift` and `set_drift` by those who need them. Monotonic time never steps, whatever happens to the wall clock.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from simkit.kernel.turns import NEVER_NS

if TYPE_CHECKING:
    from simkit.kernel import World

_BILLION = 10**9


class Synchronizer(Protocol):
    """Who keeps a clock right, and knows how wrong it may be."""

    def error_ns(self) -> int:
        """Return the most by which the clock should be off."""
        ...

    def silence(self) -> Callable[[], None]:
        """Let it hear nobody from now on; return what undoes it."""
        ...


class Clock:
    """The clock of one host.

    Since the last change of rate, at world time w0 and host time h0, the monotonic clock shows
    ``h0 + floor((w - w0) * (10**9 + drift_ppb) / 10**9)``.

    Args:
        world: what time it really is.
        offset_ns: how far the wall clock is ahead of true Unix time.
        drift_ppb: how much too fast the clock runs, in parts per billion; negative for a slow clock. An ordinary
            quartz crystal is within 100,000 ppb (100 ppm).
        bound_ns: by how much the wall clock is said to be off at most. Nothing makes that true.

    Attributes:
        synchronizer: who keeps it right, None for a clock that is left to itself.
    """

    __slots__ = (
        "_host_ns",
        "_lost_ns",
        "_numerator",
        "_standing",
        "_stood_ns",
        "_world",
        "_world_ns",
        "bound_ns",
        "offset_ns",
        "on_rate_change",
        "perfect",
        "synchronizer",
    )

    def __init__(self, world: "World", *, offset_ns: int = 0, drift_ppb: int = 0, bound_ns: int = 0) -> None:
        self._world = world
        self._world_ns = self._host_ns = world.now_ns
        self._numerator = _BILLION
        self._standing = False
        self._stood_ns = self._lost_ns = 0
        self.offset_ns = offset_ns
        self.bound_ns = bound_ns
        self.synchronizer: Synchronizer | None = None
        self.perfect = True
        """True while ``monotonic_ns()`` is always the world's time, whatever the offset of the wall clock."""
        self.on_rate_change: list[Callable[[], None]] = []
        """Called after each change of rate, so that whoever holds timers in host time can arm them anew."""
        self.set_drift(drift_ppb)

    @property
    def drift_ppb(self) -> int:
        """How much too fast the clock runs, in parts per billion."""
        return self._numerator - _BILLION

    def monotonic_ns(self) -> int:
        """Return the nanoseconds this clock has counted since the start of the run."""
        now_ns = self._world.now_ns
        if self.perfect:
            return now_ns
        if self._standing:
            return self._host_ns
        return self._host_ns + (now_ns - self._world_ns) * self._numerator // _BILLION

    def wall_ns(self) -> int:
        """Return the Unix time in nanoseconds that this host believes in."""
        world = self._world
        return world.epoch_ns + (world.now_ns if self.perfect else self.monotonic_ns()) + self.offset_ns

    def error_ns(self) -> int:
        """Return the most by which this host believes its wall clock to be off."""
        return self.bound_ns if self.synchronizer is None else self.synchronizer.error_ns()

    def earliest_ns(self) -> int:
        """Return the earliest Unix time that it may be now, as far as this host knows (Spanner's TT.now().earliest)."""
        return self.wall_ns() - self.error_ns()

    def latest_ns(self) -> int:
        """Return the latest Unix time that it may be now, as far as this host knows."""
        return self.wall_ns() + self.error_ns()

    def monotonic(self) -> float:
        """Return `monotonic_ns` in seconds."""
        return self.monotonic_ns() / _BILLION

    def time(self) -> float:
        """Return `wall_ns` in seconds."""
        return self.wall_ns() / _BILLION

    def world_ns(self, monotonic_ns: int) -> int:
        """Return the smallest world time at which the monotonic clock shows at least `monotonic_ns`.

        The clock does not remember its past: for what it showed before the last change of rate, the time of that
        change is returned, which has passed as well. While it stands, what lies ahead is never reached.
        """
        if self.perfect:
            return monotonic_ns
        ahead_ns = max(0, monotonic_ns - self._host_ns)
        if ahead_ns and self._standing:
            return NEVER_NS
        return self._world_ns - (-ahead_ns * _BILLION // self._numerator)

    def shift(self, by_ns: int) -> None:
        """Step the wall clock by `by_ns`; monotonic time does not notice."""
        self.offset_ns += by_ns

    def set_drift(self, drift_ppb: int) -> None:
        """Let the clock run `drift_ppb` too fast from now on, without a jump.

        ValueError if it would stand still or go back.
        """
        numerator = _BILLION + drift_ppb
        if numerator <= 0:
            raise ValueError(f"a clock that drifts by {drift_ppb} ppb does not go forward")
        if numerator == self._numerator:
            return
        self._count_standing()
        self._numerator = numerator
        self._rate_changed()

    # -- a machine that stands still

    @property
    def stood_ns(self) -> int:
        """How long it has stood so far, in world time."""
        return self._stood_ns + (self._world.now_ns - self._world_ns if self._standing else 0)

    def stand(self) -> None:
        """Stop counting, monotonic time too: the machine is suspended. The wall clock falls behind meanwhile."""
        if not self._standing:
            self._count_standing()
            self._standing = True
            self._rate_changed()

    def go_on(self) -> None:
        """Count again, from what was shown when it stopped."""
        if self._standing:
            self._count_standing()
            self._standing = False
            self._rate_changed()

    def take_lost_ns(self) -> int:
        """Return for how long it has stood since this was last asked."""
        lost_ns, self._lost_ns = self.stood_ns - self._lost_ns, self.stood_ns
        return lost_ns

    def _count_standing(self) -> None:
        """Begin a new piece of time, before something about the rate changes."""
        self._stood_ns = self.stood_ns
        self._host_ns, self._world_ns = self.monotonic_ns(), self._world.now_ns

    def _rate_changed(self) -> None:
        # Once a clock has drifted it stays ahead or behind, so a rate of one does not make it perfect again.
        self.perfect = not self._standing and self._numerator == _BILLION and self._host_ns == self._world_ns
        for notify in self.on_rate_change:
            notify()
