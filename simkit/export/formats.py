"""Which formats a run can be exported in. A format is one function that writes files into a folder.

Another package adds one by an entry point of the group ``simkit.exports``: its name is the format's, its object a
`Format`. A package that takes the name of one of ours is passed over.

It deliberately imports no format before it is asked for: some need libraries that are not installed.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

from simkit.language.problem import nearest_quoted, quoted
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace

GROUP = "simkit.exports"


@dataclass
class Done:
    """What an export wrote: the files with how many records each (None: not counted), and what a reader must know."""

    files: dict[Path, int | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Writer = Callable[[Document, StoredTrace | None, Path], Done]


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: what a user types. title: one line for a list.
        writer: the function that writes, as ``MODULE:FUNCTION``.
        extra: the extra of this distribution that its libraries come with, "" for none.
    """

    name: str
    title: str
    writer: str
    extra: str = ""

    def load(self) -> Writer:
        """Return the function; a ValueError says what to install."""
        module, _, function = self.writer.partition(":")
        try:
            found: Writer = getattr(importlib.import_module(module), function)
        except ModuleNotFoundError as error:
            if not self.extra:
                raise
            text = f"{self.name} needs {error.name}, which is not installed: pip install 'simkit-dst[{self.extra}]'"
            raise ValueError(text) from error
        return found


OWN = (
    Format("perfetto", "trace.json.gz for ui.perfetto.dev and chrome://tracing", "simkit.export.perfetto:write"),
    Format("csv", "messages, events, operations and metrics as CSV", "simkit.export.comma_separated:write"),
    Format("svg", "every figure of the report as an SVG of its own, for slides", "simkit.export.svg:write"),
    Format("parquet", "the same tables as Parquet", "simkit.export.parquet:write", extra="export"),
)


def formats() -> Mapping[str, Format]:
    """Return every format by name, ours first."""
    known = {each.name: each for each in OWN}
    for point in sorted(entry_points(group=GROUP)):
        if point.name not in known:
            known[point.name] = point.load()
    return known


def format_of(name: str) -> Format:
    """Return a format by its name; a ValueError names the others."""
    known = formats()
    if name not in known:
        near = nearest_quoted(name, known)
        hint = f"; nearest: {near}" if near else ""
        raise ValueError(f"no format is called {quoted(name)}{hint}; there are {', '.join(known)}")
    return known[name]


def export(chosen: Format, document: Document, trace: StoredTrace | None, folder: Path) -> Done:
    """Write a run in a format. A ValueError says what is missing, an OSError that the folder cannot be written."""
    write = chosen.load()
    folder.mkdir(parents=True, exist_ok=True)
    done = write(document, trace, folder)
    if trace is None:
        done.notes.append("the run kept no trace: only what its document knows was written")
    elif left_out := trace.count - int(trace.known_hashes()[1].sum()):
        done.notes.append(f"{left_out:,} of {trace.count:,} records are not in the trace: it was too long")
    return done
