"""The clock discipline: how a measured offset becomes a rate, or in the worst case a step (RFC 5905, 11.3 and 12).

A phase-locked loop of the second order: part of the offset is worn off until the next poll, part of it corrects the
frequency, so that a crystal's constant error is learnt. Its time constant is sixteen poll intervals.

It deliberately does without the frequency-locked loop and without a poll interval that adapts: both matter for
intervals of hours.
"""

from typing import Final

from simkit.hosts.clock import Clock

STEP_NS: Final = 128_000_000
"""An offset beyond this is no jitter."""
STEP_AFTER_NS: Final = 900 * 10**9
"""How long it must persist before the clock is stepped; the first one is stepped at once."""
CORRECTION_PPB_MAX: Final = 500_000
"""A clock is never made to run faster or slower than by 500 ppm."""
_GAIN: Final = 16
_BILLION: Final = 10**9


class Discipline:
    """Steers one clock.

    Args:
        clock: what is steered.
        poll_ns: the time between updates.

    Attributes:
        frequency_ppb: the correction of the crystal that was learnt.
        steps: how often the clock was stepped.
    """

    def __init__(self, clock: Clock, poll_ns: int) -> None:
        self._clock = clock
        self._poll_ns = poll_ns
        self.frequency_ppb = 0
        self.steps = 0
        self._applied_ppb = 0
        self._residual_ns = 0
        self._worn_ns = 0
        self._updated_ns: int | None = None
        self._spike_since_ns: int | None = None
        kept = 1.0
        polls = max(1, round(poll_ns / _BILLION))
        for _ in range(polls):
            kept *= 1 - 1 / (_GAIN * polls)
        self._worn_off = 1 - kept  # share of an offset that goes within one poll, a sixteenth of it each second

    @property
    def residual_ns(self) -> int:
        """What of the last offset may not be worn off yet."""
        return abs(self._residual_ns) + abs(self._worn_ns)

    def update(self, offset_ns: int) -> bool:
        """Take a measured offset of the server ahead of us; return True if the clock was stepped for it."""
        now_ns = self._clock.monotonic_ns()
        since_ns = self._poll_ns if self._updated_ns is None else now_ns - self._updated_ns
        if abs(offset_ns) > STEP_NS:
            return self._spike(offset_ns, now_ns)
        self._spike_since_ns = None
        if self._updated_ns is not None:
            constant_ns = 4 * _GAIN * self._poll_ns
            learnt = offset_ns * min(since_ns, self._poll_ns) * _BILLION // (constant_ns * constant_ns)
            self.frequency_ppb = max(-CORRECTION_PPB_MAX, min(CORRECTION_PPB_MAX, self.frequency_ppb + learnt))
        self._updated_ns = now_ns
        self._residual_ns = offset_ns
        self.wear()
        return False

    def wear(self) -> None:
        """Let a share of what is left of the offset go until the next poll, as fast as a clock may be made to run."""
        wanted_ppb = self.frequency_ppb + round(self._residual_ns * self._worn_off) * _BILLION // self._poll_ns
        correction_ppb = max(-CORRECTION_PPB_MAX, min(CORRECTION_PPB_MAX, wanted_ppb))
        self._worn_ns = (correction_ppb - self.frequency_ppb) * self._poll_ns // _BILLION
        self._residual_ns -= self._worn_ns
        # Beside whatever else makes the clock run fast or slow.
        if correction_ppb != self._applied_ppb:
            self._clock.set_drift(self._clock.drift_ppb + correction_ppb - self._applied_ppb)
            self._applied_ppb = correction_ppb

    def _spike(self, offset_ns: int, now_ns: int) -> bool:
        """Step for the first offset that is too large, later only for one that lasts."""
        if self._updated_ns is not None:
            self._spike_since_ns = now_ns if self._spike_since_ns is None else self._spike_since_ns
            if now_ns - self._spike_since_ns < STEP_AFTER_NS:
                return False
        self._clock.shift(offset_ns)
        self.steps += 1
        self._updated_ns, self._spike_since_ns, self._residual_ns = now_ns, None, 0
        self.wear()
        return True
