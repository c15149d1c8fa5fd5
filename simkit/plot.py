"""What the author of a system's own figures sees: a class that watches events and, in the end, gives a picture.

Metrics are drawn anyway; a plot is for what they cannot show, such as who held which task when. It stands on the
system's card under ``plots=`` and runs where a report is made.

It deliberately draws nothing: a `Picture` is numbers and words, and the page draws all of them alike.
"""

from typing import ClassVar

from simkit.checks.onlooker import Onlooker, sees
from simkit.observe.picture import Curve, Lane, Picture, Span, Tone

__all__ = ["Curve", "Lane", "Picture", "Plot", "Span", "Tone", "sees"]


class Plot(Onlooker):
    """One figure of a system; an instance watches one run.

    Attributes:
        name: short and unique on its card.
        title: one line, above the figure.
    """

    title: ClassVar[str]

    def picture(self, end_ns: int) -> Picture | None:
        """Return the figure when the run has ended; None where there is nothing to see."""
        raise NotImplementedError
