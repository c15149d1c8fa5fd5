"""A salabim environment for the contenders: no trace, no animation, and its own monitors switched off.

Monitors record every change of every component; other contenders record nothing, so neither does salabim here.
"""

from typing import Any

import salabim


def environment(*, yieldless: bool) -> Any:
    """Return a fresh environment in one of salabim's two modes."""
    salabim.yieldless(yieldless)
    return salabim.Environment(trace=False, yieldless=yieldless)


class Quiet(salabim.Component):  # type: ignore[misc]
    """A component without statistics."""

    def setup(self, **given: Any) -> None:
        self.status.monitor(False)
        self.mode.monitor(False)
        for name, value in given.items():
            setattr(self, name, value)
