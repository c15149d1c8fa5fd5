"""What a check shows beside its story: lines of text, and a picture that it has drawn itself.

Transactions in a cycle and operations that contradict each other have pictures of their own (`document.CycleEntry`,
`document.OperationEntry`); this is for everything else, such as the ring of a hash table or the log of each replica.

It deliberately knows no check: what the words mean belongs to whoever fills it in.
"""

import msgspec

LINES_MAX = 40
SVG_CHARACTERS_MAX = 200_000
"""What is kept of an explanation; one that is larger explains nothing."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest thing that shows why an expectation is broken; every part of it may be empty.

    Attributes:
        title: what it is, in a few words.
        lines: plain text, one line each; the terminal shows them too.
        figure: an SVG. Scripts, styles and references to anything outside are taken out before it is shown.
        left_out: how many lines and figures were too many or too large to be kept.
    """

    title: str = ""
    lines: tuple[str, ...] = ()
    figure: str = ""
    left_out: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.lines or self.figure)

    def bounded(self) -> "Explanation":
        """Return the same within the limits above."""
        fits = len(self.figure) <= SVG_CHARACTERS_MAX
        cut = max(0, len(self.lines) - LINES_MAX) + (not fits)
        figure = self.figure if fits else ""
        lines = self.lines[:LINES_MAX]
        return Explanation(title=self.title, lines=lines, figure=figure, left_out=self.left_out + cut)
