"""One exchange with a time server, and the filter that keeps the best of the last eight (RFC 5905, 8 and 10).

Delay is what hides the offset: half of it may be on one way alone. So the sample that took least time is believed, as
long as it is not so old that the clocks may have run further apart since.
"""

from collections import deque
from math import isqrt
from typing import NamedTuple, Self

STAGES = 8
PRECISION_NS = 1_000
"""How finely a clock is read: one microsecond."""
TOLERANCE_PPB = 15_000
"""How much a clock that is not corrected may drift; PHI in RFC 5905."""


class Sample(NamedTuple):
    """What one exchange tells.

    Attributes:
        offset_ns: how far the server's clock is ahead of ours.
        delay_ns: there and back, without the time the server took.
        dispersion_ns: how far the clocks may have run apart while the packets travelled, and how finely they are read.
        root_delay_ns, root_dispersion_ns: the same two from the server up to its own source.
        time_ns: when it arrived, in our monotonic time.
    """

    offset_ns: int
    delay_ns: int
    dispersion_ns: int
    root_delay_ns: int
    root_dispersion_ns: int
    time_ns: int

    @classmethod
    def of_exchange(
        cls, sent_ns: int, received_ns: int, answered_ns: int, returned_ns: int, *, root: tuple[int, int], time_ns: int
    ) -> Self:
        """Work out a sample from its four time stamps, the first and last of our clock, the others of the server's."""
        delay_ns = max((returned_ns - sent_ns) - (answered_ns - received_ns), PRECISION_NS)
        offset_ns = ((received_ns - sent_ns) + (answered_ns - returned_ns)) // 2
        dispersion_ns = 2 * PRECISION_NS + max(0, returned_ns - sent_ns) * TOLERANCE_PPB // 10**9
        return cls(offset_ns, delay_ns, dispersion_ns, root[0], root[1], time_ns)

    def aged_dispersion_ns(self, now_ns: int) -> int:
        """Return the dispersion, grown by what has passed since."""
        return self.dispersion_ns + (now_ns - self.time_ns) * TOLERANCE_PPB // 10**9

    def root_distance_ns(self, now_ns: int, jitter_ns: int) -> int:
        """Return the most by which the true offset may differ from `offset_ns` (RFC 5905, 11.2)."""
        half_delay_ns = (self.root_delay_ns + self.delay_ns) // 2
        return half_delay_ns + self.root_dispersion_ns + self.aged_dispersion_ns(now_ns) + jitter_ns


class ClockFilter:
    """The last eight samples of one server."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=STAGES)

    def add(self, sample: Sample) -> None:
        """Shift a sample in."""
        self.samples.append(sample)

    def best(self, now_ns: int) -> Sample | None:
        """Return the sample of the least half delay and dispersion, the youngest of several; None without samples."""
        return min(
            reversed(self.samples),
            key=lambda sample: sample.delay_ns // 2 + sample.aged_dispersion_ns(now_ns),
            default=None,
        )

    def jitter_ns(self, now_ns: int) -> int:
        """Return the root mean square distance of the samples from the best."""
        best = self.best(now_ns)
        if best is None or len(self.samples) < 2:
            return PRECISION_NS
        squares = sum((sample.offset_ns - best.offset_ns) ** 2 for sample in self.samples)
        return max(PRECISION_NS, isqrt(squares // (len(self.samples) - 1)))

    def clear(self) -> None:
        """Start anew: the clock has been stepped, and the samples are about one that is no more."""
        self.samples.clear()
