"""The windows of a run: steady, faults, recovery, all.

Steady lasts from the end of the warm-up to the first fault, faults from there to the moment when the last fault heals,
recovery from there to the end; all is everything after the warm-up. A window holds its beginning and not its end, and
an operation belongs to the window in which it starts.

It deliberately does not ask whether the system has recovered: windows come from faults alone.
"""

from collections.abc import Iterable

import msgspec

Window = tuple[int, int]
"""[begin, end) in nanoseconds of virtual time."""

NAMES = ("steady", "faults", "recovery", "all")


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """The four windows of one run; None where there is none."""

    steady: Window | None
    faults: Window | None
    recovery: Window | None
    all: Window | None

    def named(self, name: str) -> Window | None:
        """Return one window by its word; a ValueError names the words there are."""
        if name not in NAMES:
            raise ValueError(f"unknown window {name!r}; one of {', '.join(NAMES)}")
        window: Window | None = getattr(self, name)
        return window

    def of(self, time_ns: int) -> str:
        """Return the word of the window that holds a moment: ``warmup`` before all of them."""
        for name in ("steady", "faults", "recovery"):
            window = self.named(name)
            if window is not None and window[0] <= time_ns < window[1]:
                return name
        return "recovery" if self.all and time_ns >= self.all[1] else "warmup"


def windows(duration_ns: int, warmup_ns: int, faults: Iterable[tuple[int, int | None]]) -> Windows:
    """Return the windows of a run.

    Args:
        duration_ns: length of the run.
        warmup_ns: end of the warm-up; faults before it count, windows start after it.
        faults: (begin, end) of every time a fault held; the end is None when it never healed, and equals the
            beginning for an act, which has nothing to heal.
    """
    held = [(begin_ns, duration_ns if end_ns is None else min(end_ns, duration_ns)) for begin_ns, end_ns in faults]
    held = [(begin_ns, end_ns) for begin_ns, end_ns in held if begin_ns <= duration_ns]
    first_ns = min((begin_ns for begin_ns, _ in held), default=duration_ns)
    last_ns = max((end_ns for _, end_ns in held), default=duration_ns)
    return Windows(
        steady=_clip(warmup_ns, first_ns, warmup_ns),
        faults=_clip(first_ns, last_ns, warmup_ns) if held else None,
        recovery=_clip(last_ns, duration_ns, warmup_ns) if held else None,
        all=_clip(warmup_ns, duration_ns, warmup_ns),
    )


def _clip(begin_ns: int, end_ns: int, warmup_ns: int) -> Window | None:
    begin_ns = max(begin_ns, warmup_ns)
    return (begin_ns, end_ns) if begin_ns < end_ns else None
