"""Devices as two arrays and a loop over ticks, without a simulator: what numpy itself takes for such a thing.

Its draws are numpy's own, whose bits depend on the processor and on who draws with whom; it looks at every device in
every tick.
"""

import numpy as np

from benchmarks.fleet import MEAN_S, Population
from benchmarks.work import Outcome, Timed

TICK_S = 1.0


def prepare(given: Population) -> Timed:
    """Set the arrays up."""
    generator = np.random.default_rng(1)
    due_s = generator.exponential(MEAN_S, given.devices)
    seen = np.zeros(given.devices, dtype=np.uint32)

    def run() -> Outcome:
        now_s = last_s = 0.0
        left = given.devices
        while left:
            now_s += TICK_S
            devices = np.flatnonzero(due_s <= now_s)
            if not len(devices):
                continue
            seen[devices] += 1
            done = devices[seen[devices] == given.each]
            if len(done):
                last_s = max(last_s, float(due_s[done].max()))
                left -= len(done)
            due_s[devices] += generator.exponential(MEAN_S, len(devices))
            due_s[done] = np.inf
        return Outcome(int(seen.sum()), last_s)

    return run
