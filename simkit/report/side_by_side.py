"""Variants side by side: one column for each, one line for each expectation, so that one look compares them.

The dial of failure models is read this way, and so is a protection that is turned off. Several seeds of a variant are
one column; where they differ, each verdict is counted.

It deliberately tells no story: `simkit run X --variant V` does.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from simkit.observe.document import Document, ExpectationEntry
from simkit.report.sections import expectation_word
from simkit.report.template import fill, head, template
from simkit.report.words import plain, seed_options, verdict_word

AS_IT_IS = "(as it is)"
WIDTH = 120
_STYLES = ("page", "diff", "print")

Columns = dict[str, list[Document]]


def columns_of(documents: Sequence[Document]) -> Columns:
    """Return the documents of each variant, in the order in which they ran."""
    found: Columns = {}
    for document in documents:
        found.setdefault(document.variant or AS_IT_IS, []).append(document)
    return found


def comparable(documents: Sequence[Document]) -> bool:
    """Return whether these are several variants of one scenario."""
    return len({document.scenario for document in documents}) == 1 and len(columns_of(documents)) > 1


def side_by_side(documents: Sequence[Document]) -> str:
    """Return the table for a terminal, ending in a line break; columns that do not fit stand below."""
    columns, subjects = columns_of(documents), _subjects(documents)
    wide = max(11, *(len(subject) for subject in subjects))
    lines: list[str] = []
    for names in _chunks(list(columns), wide):
        widths = {
            name: max(len(plain(name)), *(len(_cell(columns[name], each)) for each in subjects)) for name in names
        }
        lines += ["", " " * wide + "".join(f"  {plain(name):<{widths[name]}}" for name in names)]
        for subject in subjects:
            cells = "".join(f"  {_cell(columns[name], subject):<{widths[name]}}" for name in names)
            lines.append(f"{subject:<{wide}}{cells}")
    lines.append("fails: as declared")
    return "\n".join(line.rstrip() for line in lines[1:]) + "\n"


def _chunks(names: list[str], wide: int) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    used = wide
    for name in names:
        width = max(8, len(plain(name))) + 2
        if chunks[-1] and used + width > WIDTH:
            chunks.append([])
            used = wide
        chunks[-1].append(name)
        used += width
    return chunks


def _subjects(documents: Sequence[Document]) -> list[str]:
    """Every subject of an expectation, those of the first columns first."""
    return list(dict.fromkeys(plain(each.subject) for document in documents for each in document.expectations))


def _entries(documents: Sequence[Document], subject: str) -> list[ExpectationEntry]:
    return [each for document in documents for each in document.expectations if plain(each.subject) == subject]


def _cell(documents: Sequence[Document], subject: str) -> str:
    counts = Counter(verdict_word(each) for each in _entries(documents, subject))
    if not counts:
        return "."
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {word}" for word, count in counts.items())


# -- the page


def side_by_side_page(documents: Sequence[Document], path: Path) -> str:
    """Return the page; it opens from disk and has no script. `path` is where it will lie."""
    columns = columns_of(documents)
    first = documents[0]
    heads = "".join(
        f"<th>{escape(plain(name))}<br><small>{escape(_title(each))}</small></th>" for name, each in columns.items()
    )
    rows = "".join(
        f"<tr{' class=differs' if _differs(columns, subject) else ''}><td>{escape(subject)}</td>"
        + "".join(f"<td>{_told(each, subject)}</td>" for each in columns.values())
        + "</tr>"
        for subject in _subjects(documents)
    )
    values = {
        "head": head(escape(f"{plain(first.scenario)}: variants side by side"), _STYLES),
        "sentence": escape(f"{plain(first.title or first.scenario)}: {len(columns)} variants side by side"),
        "table": f'<div class="scroll"><table><tr><th>expectation</th>{heads}</tr>{rows}</table></div>',
        "footer": "<br>".join(escape(f"again: {_again(document)}") for document in documents[:20]),
    }
    return fill(template("side_by_side.html"), values)


def _title(documents: Sequence[Document]) -> str:
    declared = sum(document.as_declared for document in documents)
    if len(documents) == 1:
        return "as declared" if declared else "NOT as declared"
    return f"{declared} of {len(documents)} seeds as declared"


def _differs(columns: Columns, subject: str) -> bool:
    return len({each.verdict for found in columns.values() for each in _entries(found, subject)}) > 1


def _told(documents: Sequence[Document], subject: str) -> str:
    entries = _entries(documents, subject)
    if not entries:
        return "not asked"
    if len({each.verdict for each in entries}) == 1:
        more = f" ({len(entries)} seeds)" if len(entries) > 1 else ""
        return f"{expectation_word(entries[0])}{more} {escape(plain(entries[0].summary, 160))}"
    return escape(_cell(documents, subject))


def _again(document: Document) -> str:
    variant = f" --variant {document.variant}" if document.variant else ""
    return f"simkit run {plain(document.scenario)}{variant}{seed_options(document)}"
