"""The figures of a run as SVG files, one for each, as the report draws them: for slides and papers.

On their own they fall back to light colours that colour-blind readers tell apart; text stays text.
The same run gives the same bytes.

It deliberately draws nothing that the report does not.
"""

import re
from pathlib import Path

from simkit.export.formats import Done
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace
from simkit.report.figures import drawings
from simkit.report.pictures import pictures_of

_PROLOG = '<?xml version="1.0" encoding="utf-8"?>\n'


def write(document: Document, trace: StoredTrace | None, folder: Path) -> Done:
    """Write ``figure-NAME.svg`` for each figure that shows something."""
    done = Done()
    for drawing in [*pictures_of(document), *(each for each in drawings(document) if not each.flat)]:
        path = folder / f"figure-{re.sub(r'[^A-Za-z0-9_.-]+', '-', drawing.name)}.svg"
        path.write_text(_PROLOG + drawing.svg + "\n", encoding="utf-8")
        done.files[path] = None
    return done
