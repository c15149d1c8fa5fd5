"""Figures of hosts: how far their clocks are apart, how their engines are filled, how often a byte is written.

They deliberately look at emitted events alone, as checks do.
"""

from __future__ import annotations

from simkit.plot import Curve, Picture, Plot, sees
from simkit_nodes.blocks.lsm.gauges import EngineShaped
from simkit_nodes.database.events import ClockCompared

MEGABYTE = 1e6


def _steps(label: str, steps: list[tuple[int, float]], end_ns: int) -> Curve:
    """Return values that hold until the next one, or until the end."""
    x = (*(float(time_ns) for time_ns, _ in steps), float(end_ns))
    return Curve(label=label, x=x, y=(*(value for _, value in steps), steps[-1][1]), style="steps")


class ClockOffsets(Plot):
    """How far each host's clock was from the others'."""

    name = "clock_offsets"
    title = "Offset of each clock that was ever off, as its host measured it"

    def __init__(self) -> None:
        self._offsets: dict[str, list[tuple[int, float]]] = {}
        self._moved: set[str] = set()

    @sees(ClockCompared)
    def _compare(self, time_ns: int, host: str, event: ClockCompared) -> None:
        # Before its first comparison nobody knew otherwise; and zero belongs into the figure.
        self._offsets.setdefault(host, [(0, 0.0)]).append((time_ns, event.offset_ns / 1e6))
        if event.offset_ns:
            self._moved.add(host)

    def picture(self, end_ns: int) -> Picture | None:
        if not self._moved:
            return None
        curves = tuple(_steps(host, self._offsets[host], end_ns) for host in sorted(self._moved))
        note = "the median over its peers of what is certain, that is, less half a round trip"
        return Picture(
            name=self.name, title=self.title, y_label="ahead by, ms", over_time=True, curves=curves, note=note
        )


class Levels(Plot):
    """How much each level of the engines holds, all stores together."""

    name = "levels"
    title = "Tables of the engines by level, all stores together"

    def __init__(self) -> None:
        self._hosts: dict[str, tuple[int, ...]] = {}
        self._totals: dict[int, list[tuple[int, float]]] = {}

    @sees(EngineShaped)
    def _shape(self, time_ns: int, host: str, event: EngineShaped) -> None:
        self._hosts[host] = event.level_bytes
        for level in range(max(map(len, self._hosts.values()))):
            total = sum(sizes[level] for sizes in self._hosts.values() if level < len(sizes)) / MEGABYTE
            if total or level in self._totals:
                self._totals.setdefault(level, []).append((time_ns, total))

    def picture(self, end_ns: int) -> Picture | None:
        if not self._totals:
            return None
        curves = tuple(_steps(f"level {level}", steps, end_ns) for level, steps in sorted(self._totals.items()))
        return Picture(name=self.name, title=self.title, y_label="MB", over_time=True, curves=curves)


class WriteAmplification(Plot):
    """How often a byte was written to a table, for each store."""

    name = "write_amplification"
    title = "Write amplification of each store"

    def __init__(self) -> None:
        self._ratios: dict[str, list[tuple[int, float]]] = {}

    @sees(EngineShaped)
    def _shape(self, time_ns: int, host: str, event: EngineShaped) -> None:
        if event.written_bytes and (event.table_bytes or host in self._ratios):
            self._ratios.setdefault(host, []).append((time_ns, event.table_bytes / event.written_bytes))

    def picture(self, end_ns: int) -> Picture | None:
        if not self._ratios:
            return None
        curves = tuple(_steps(host, steps, end_ns) for host, steps in sorted(self._ratios.items()))
        note = "bytes written to tables for each byte of the batches since the process started; the log adds one"
        return Picture(
            name=self.name,
            title=self.title,
            y_label="bytes for each byte",
            over_time=True,
            curves=curves,
            note=note,
        )


HOST_PLOTS: tuple[type[Plot], ...] = (ClockOffsets, Levels, WriteAmplification)
