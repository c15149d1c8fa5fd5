"""One line that says how far the runs are: virtual time, callbacks per second, time to go.

It is written to a terminal only; in a pipe, in a file and for `--json` there is silence.

It deliberately draws no bar of its own for every run: many runs share the line.
"""

import sys
import time
from typing import TextIO

BAR_COLUMNS = 24


class Progress:
    """A line on standard error, drawn over itself.

    Args:
        runs: how many runs there are.
        duration_ns: virtual length of one.
        stream: where to write; nothing is written unless it is a terminal.
    """

    def __init__(self, runs: int, duration_ns: int, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._runs = runs
        self._duration_ns = max(1, duration_ns)
        self._began = time.monotonic()
        self._partial: dict[int, float] = {}
        self._steps: dict[int, int] = {}
        self._done = 0
        self._violations = 0

    def update(self, number: int, time_ns: int, steps: int, violations: int) -> None:
        """Run `number` has come to `time_ns`."""
        self._partial[number] = min(1.0, time_ns / self._duration_ns)
        self._steps[number] = steps
        self._violations = max(self._violations, violations)
        self._draw()

    def finished(self, number: int) -> None:
        """Run `number` is over."""
        self._partial.pop(number, None)
        self._done += 1
        if self._runs > 1:
            self._draw()

    def _draw(self) -> None:
        if not self._shown:
            return
        share = (self._done + sum(self._partial.values())) / self._runs
        elapsed = max(1e-9, time.monotonic() - self._began)
        filled = int(BAR_COLUMNS * share)
        parts = [f"[{'#' * filled}{'.' * (BAR_COLUMNS - filled)}] {share:4.0%}"]
        if self._runs > 1:
            parts.append(f"{self._done}/{self._runs} runs")
        else:
            parts.append(f"{share * self._duration_ns / 1e9:,.0f} of {self._duration_ns / 1e9:,.0f} s")
        parts.append(f"{sum(self._steps.values()) / elapsed:,.0f} events/s")
        if share > 0.02:
            parts.append(f"{elapsed * (1 - share) / share:.0f} s to go")
        if self._violations:
            parts.append(f"{self._violations} violations")
        self._stream.write("\r\x1b[K" + " · ".join(parts))
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
