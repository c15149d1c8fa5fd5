"""A crystal whose frequency wanders: random-walk frequency modulation, what ageing and temperature look like.

After t seconds the frequency has strayed by a standard deviation of ``deviation * sqrt(t)``, and the time it shows by
``deviation * t**1.5 / sqrt(3)``: the longer nobody corrects it, the less its past says about it.

It deliberately moves in steps of sixteen seconds, so that a clock costs the world few events.
"""

from typing import Final

from simkit.hosts.clock import Clock
from simkit.kernel import World

STEP_S: Final = 16


class Wander:
    """Moves the frequency of one clock at random.

    Args:
        world: virtual time; the draws come from its stream ``clock/NAME``.
        clock: the clock.
        name: of the host.
        deviation_ppb: standard deviation of the frequency after one second, in parts per billion.
    """

    def __init__(self, world: World, clock: Clock, name: str, deviation_ppb: float) -> None:
        if deviation_ppb < 0:
            raise ValueError(f"a standard deviation is not negative, {deviation_ppb} is")
        self._world = world
        self._clock = clock
        self._stream = world.stream(f"clock/{name}")
        # The square root of a square number, so that no libm is asked.
        self._deviation_ppb = deviation_ppb * 4
        self._strayed_ppb = 0.0
        self._applied_ppb = 0

    def start(self) -> None:
        """Begin to wander."""
        self._world.post(self._world.now_ns + STEP_S * 10**9, self._world.control, self._step)

    def _step(self) -> None:
        self._strayed_ppb += self._stream.normal(0.0, self._deviation_ppb)
        change_ppb = round(self._strayed_ppb) - self._applied_ppb
        self._applied_ppb += change_ppb
        self._clock.set_drift(self._clock.drift_ppb + change_ppb)
        self.start()
