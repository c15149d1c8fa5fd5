"""What nodes say: log lines, standard output and exceptions, stamped with host and virtual time, and event counts.

`listen` puts a handler on Python's standard logging and an ear on standard output for the time of a run. Whatever is
said while a host's loop runs becomes a record of kind "log" of that host; `Journal` keeps what the run document shows.

It deliberately formats nothing for the screen and never changes what a program logs, only where it goes.
"""

import asyncio
import io
import logging
import sys
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from simkit.kernel.records import Record, Records
from simkit.observe.document import LogEntry

LINES_MAX = 10_000
"""Lines below WARNING that are kept, and as many of WARNING and above: the first half and the last half of each."""

TEXT_MAX = 8_192
"""Characters of one line; the rest is counted at its end."""

STDOUT_LINE_MAX = 65_536
"""Characters one host may write to standard output without a line end before a line is made of them."""

_SERIOUS = frozenset({"WARNING", "ERROR", "CRITICAL"})


class Told(Protocol):
    """What a journal needs of a world."""

    @property
    def records(self) -> Records:
        """The sink."""
        ...


def current_host() -> str | None:
    """Return the name of the host whose code is running; None outside of every host."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    host = getattr(loop, "host", None)
    return getattr(host, "name", None) if host is not None else None


class _Ends:
    """The first and the last lines of something too long to keep."""

    def __init__(self, limit: int) -> None:
        self._first: list[tuple[int, LogEntry]] = []
        self._last: deque[tuple[int, LogEntry]] = deque(maxlen=limit - limit // 2)
        self._first_max = limit // 2
        self.total = 0

    def add(self, serial: int, entry: LogEntry) -> None:
        self.total += 1
        (self._first if len(self._first) < self._first_max else self._last).append((serial, entry))

    def kept(self) -> list[tuple[int, LogEntry]]:
        return [*self._first, *self._last]


class Journal:
    """Keeps log lines and counts emitted events: subscribes to the records of kind "log" and "event".

    A "log" record has the details (level, logger, text), an "event" record has the event's tag as its first detail.
    """

    def __init__(self, records: Records, *, lines_max: int = LINES_MAX) -> None:
        self._serious = _Ends(lines_max)
        self._ordinary = _Ends(lines_max)
        self.event_counts: dict[str, int] = {}
        self.first_events: dict[str, int] = {}
        records.subscribe(("log",), self._heard)
        records.subscribe(("event",), self._counted)

    @property
    def total(self) -> int:
        """All lines said."""
        return self._serious.total + self._ordinary.total

    def lines(self) -> tuple[LogEntry, ...]:
        """Return the lines that were kept, in the order in which they were said."""
        return tuple(
            entry for _, entry in sorted(self._serious.kept() + self._ordinary.kept(), key=lambda kept: kept[0])
        )

    def _heard(self, record: Record) -> None:
        level, logger, text = (str(part) for part in record.detail[:3])
        if len(text) > TEXT_MAX:
            text = f"{text[:TEXT_MAX]}... ({len(text) - TEXT_MAX:,} more characters)"
        entry = LogEntry(time_ns=record.time_ns, host=record.host, level=level, logger=logger, text=text)
        (self._serious if level in _SERIOUS else self._ordinary).add(self.total, entry)

    def _counted(self, record: Record) -> None:
        tag = str(record.detail[0])
        count = self.event_counts.get(tag)
        if count is None:
            self.first_events[tag] = record.time_ns
            count = 0
        self.event_counts[tag] = count + 1


class HostHandler(logging.Handler):
    """Turns what is logged in a host's code into "log" records; what is logged elsewhere it leaves alone."""

    def __init__(self, world: Told, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._records = world.records

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; an argument that does not fit its format is told as the line, not raised into the node."""
        host = current_host()
        if host is None:
            return
        try:
            text = record.getMessage()
        except Exception as problem:
            text = f"{record.msg!s} (its arguments do not fit: {problem})"
        if record.exc_info and record.exc_info[1] is not None:
            text += "\n" + "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        self._records.write("log", host, record.levelname, record.name, text)


class HostOutput(io.TextIOBase):
    """Standard output during a run: lines of a host's code become "log" records, everything else goes through."""

    def __init__(self, world: Told, outside: TextIO) -> None:
        self._records = world.records
        self._outside = outside
        self._begun: dict[str, str] = {}

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str, /) -> int:
        """Write text; a line is told when it ends."""
        host = current_host()
        if host is None:
            return self._outside.write(text)
        *lines, rest = (self._begun.get(host, "") + text).split("\n")
        if len(rest) > STDOUT_LINE_MAX:
            lines, rest = [*lines, rest], ""
        for line in lines:
            self._records.write("log", host, "INFO", "stdout", line)
        self._begun[host] = rest
        return len(text)

    def flush(self) -> None:
        """Flush what went through."""
        if current_host() is None:
            self._outside.flush()

    def finish(self) -> None:
        """Tell the lines that never ended."""
        for host in sorted(self._begun):
            if self._begun[host]:
                self._records.write("log", host, "INFO", "stdout", self._begun[host])
        self._begun.clear()


@contextmanager
def listen(world: Told, level: int = logging.INFO) -> Iterator[None]:
    """Hear standard logging and standard output of a world's hosts while the context is open.

    Args:
        world: whose hosts speak.
        level: lines below it are not heard; the root logger's level is lowered to it for the time being.
    """
    root, handler = logging.getLogger(), HostHandler(world, level)
    output, outside, level_before = HostOutput(world, sys.stdout), sys.stdout, root.level
    root.addHandler(handler)
    root.setLevel(min(level, level_before))
    sys.stdout = output
    try:
        yield
    finally:
        output.finish()
        sys.stdout = outside
        root.setLevel(level_before)
        root.removeHandler(handler)


def exception_text(problem: BaseException) -> str:
    """Return an exception with its traceback, as it is told in a log and in a run that is an error."""
    return "".join(traceback.format_exception(problem)).rstrip()
