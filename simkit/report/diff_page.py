"""Two runs side by side as one HTML file: verdicts, settings, hosts on one time axis, the moment they part, metrics.

It opens from disk like the page of one run, and has no script: it leads to both pages for what moves.

It deliberately tells each run no further than the other: what only one of them is about stands on its own page.
"""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec

from simkit.observe.document import Document, ExpectationEntry
from simkit.observe.moment import moment, span
from simkit.report import strips, timeline
from simkit.report.diff_text import partings
from simkit.report.diff_window import windows
from simkit.report.figures import drawings
from simkit.report.pair import ExpectationPair, Pair, Side
from simkit.report.sections import expectation_word
from simkit.report.template import fill, head, template
from simkit.report.terminal import fragment
from simkit.report.words import digest_words, ending, plain, sentence, title_of, tone

STYLES = ("page", "diff", "print")
_SIGNS = ('<span class="side">A</span>', '<span class="side b">B</span>')
_VERBS = {
    "pass": "passes",
    "fail": "fails",
    "unknown": "is unknown",
    "error": "is an error",
    "not asked": "is not asked",
}
_MARKS = {" ": "", "-": "less", "+": "more"}


def diff_page(pair: Pair, path: Path) -> str:
    """Return the page; `path` is where it will lie, so that it can lead to the pages of both runs."""
    names = " and ".join(title_of(side.document) for side in (pair.first, pair.second))
    metrics = _metrics(pair)
    values = {
        "head": head(escape(f"simkit diff · {names}"), STYLES),
        "sentence": escape(in_one_sentence(pair)),
        "heads": "".join(_head(sign, side, path) for sign, side in zip(_SIGNS, (pair.first, pair.second), strict=True)),
        "settings": _settings(pair),
        "strips": _strips(pair),
        "partings": _partings(pair),
        "expectations": _expectations(pair),
        "metrics": f'<section class="below"><h2>Metrics</h2>{metrics}</section>' if metrics else "",
        "footer": "<br>".join(
            f"{'AB'[place]}: {escape(str(side.folder))} · digest {escape(side.document.digest)}"
            for place, side in enumerate((pair.first, pair.second))
        ),
    }
    return fill(template("diff.html"), values)


def in_one_sentence(pair: Pair) -> str:
    """Return what a reader wants to know first: where the two part, and what came of it."""
    if pair.equal:
        return "The two are the same run, byte for byte."
    differing = [each for each in pair.expectations() if each.differs]
    told = ", ".join(_told(each) for each in differing[:2]) or "every expectation ends the same"
    more = f" (and {len(differing) - 2} more)" if len(differing) > 2 else ""
    if pair.course is not None:
        who = plain(pair.course.host) or "the world"
        return (
            f"Until {moment(pair.course.time_ns)} every host did the same; then {who} did something else: {told}{more}."
        )
    if pair.bytes_part is not None:
        return f"The records part at {moment(pair.bytes_part.time_ns)}: {told}{more}."
    return f"{told[:1].upper()}{told[1:]}{more}; where the runs part is not known."


def _told(each: ExpectationPair) -> str:
    first, second = (_VERBS[word] for word in each.words)
    return f"{plain(each.subject)} {first} in A and {second} in B"


def _head(sign: str, side: Side, path: Path) -> str:
    one = side.document
    facts = {
        "seed": str(one.seed),
        "digest": digest_words(one.digest),
        "hosts": str(len(one.hosts)),
        "virtual": span(strips.end_of(one)),
        "events": f"{one.events:,}",
    }
    told = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    report = side.folder / "report.html"
    link = ""
    if report.is_file():
        address = os.path.relpath(report.resolve(), path.resolve().parent)
        link = f' <a href="{escape(Path(address).as_posix())}{fragment(one)}">its report</a>'
    return (
        f'<div class="panel {tone(one)}"><h2>{sign}<span class="badge">{ending(one)}</span>'
        f'<span class="name">{escape(title_of(one))}</span></h2><dl class="facts">{told}</dl>'
        f"<p>{escape(sentence(one))}{link}</p></div>"
    )


def _settings(pair: Pair) -> str:
    rows = "".join(
        f"<tr><td>{escape(path)}</td><td>{escape(one) or '(not set)'}</td><td>{escape(other) or '(not set)'}</td></tr>"
        for path, one, other in pair.settings()
    )
    if not rows:
        return "<p>Every setting is the same.</p>"
    head = f"<tr><th>what is set differently</th><th>{_SIGNS[0]}</th><th>{_SIGNS[1]}</th></tr>"
    return f'<div class="scroll"><table class="set">{head}{rows}</table></div>'


def _strips(pair: Pair) -> str:
    """Return both strips, drawn as if both runs lasted as long as the longer one, so that one axis serves both."""
    both = (pair.first.document, pair.second.document)
    longest_ns = max(one.duration_ns for one in both)
    parts = []
    for sign, one in zip(_SIGNS, both, strict=True):
        shown = msgspec.structs.replace(one, duration_ns=longest_ns, ended_ns=strips.end_of(one))
        marks = "".join(
            f'<div class="{kind}" style="left:{timeline.percent(shown, at.time_ns)}" title="{title}"></div>'
            for kind, title, at in (
                ("parted", "the first record that differs", pair.bytes_part),
                ("parted course", "the first deed that differs", pair.course),
            )
            if at is not None
        )
        drawn = timeline.lanes(shown).replace(timeline.PLAYHEAD, marks)
        parts.append(f"<h3>{sign} {escape(title_of(one))}</h3>{drawn}{timeline.axis(shown)}")
    key = []
    if pair.bytes_part is not None:
        key.append(f"dashed: the first record that differs, {moment(pair.bytes_part.time_ns)}")
    if pair.course is not None:
        key.append(f"line: the first deed that differs, {moment(pair.course.time_ns)}")
    return f'<div class="strips">{"".join(parts)}</div><p class="note">{"; ".join(key)}</p>'


def _partings(pair: Pair) -> str:
    parts = [f"<p>{escape(sentence)}</p>" for sentence in pair.unknown]
    for said, lines in partings(pair):
        rows = "".join(f'<div class="{_MARKS[mark]}">{_sign(mark)} {escape(line)}</div>' for mark, line in lines)
        parts.append(f"<h3>{escape(_begun(said))}</h3>" + (f'<div class="told">{rows}</div>' if rows else ""))
    drawn = windows(pair)
    if drawn:
        shown = "".join(f"<figure><h3>{sign}</h3>{svg}</figure>" for sign, svg in zip(_SIGNS, drawn, strict=True))
        parts.append(
            f'<div class="two">{shown}</div><p class="note">Messages around that moment, '
            "every moment in a column of its own: grey with the same contents in both runs, dotted with other "
            "contents, orange with no counterpart in the other run.</p>"
        )
    return "".join(parts) or "<p>They do not.</p>"


def _begun(said: str) -> str:
    """Return words as the beginning of a line: with a capital, but for the name of a host."""
    return said[:1].upper() + said[1:] if said.startswith(("the ", "every ")) else said


def _sign(mark: str) -> str:
    return {" ": " ", "-": "A", "+": "B"}[mark]


def _expectations(pair: Pair) -> str:
    every = pair.expectations()
    if not every:
        return "<p>Neither scenario expects anything.</p>"
    rows = "".join(
        f"<tr{' class=differs' if each.differs else ''}><td>{escape(plain(each.subject))}</td>"
        f"{_verdict(each.first)}{_verdict(each.second)}</tr>"
        for each in sorted(every, key=lambda one: not one.differs)
    )
    head = f"<tr><th>expectation</th><th>{_SIGNS[0]}</th><th>{_SIGNS[1]}</th></tr>"
    return f'<div class="scroll"><table>{head}{rows}</table></div>'


def _verdict(entry: ExpectationEntry | None) -> str:
    if entry is None:
        return "<td>not asked</td>"
    return f"<td>{expectation_word(entry)} {escape(plain(entry.summary))}</td>"


def _metrics(pair: Pair) -> str:
    one, other = pair.first.document, pair.second.document
    drawn = [each for each in drawings(other, behind=one) if not each.flat]
    figures = "".join(f"<figure>{each.svg}</figure>" for each in drawn)
    cut = " It is cut where B ends." if one.duration_ns > other.duration_ns else ""
    note = f'<p class="note">Grey: A. In colour, with faults and violations: B.{cut}{_only_in(one, other)}</p>'
    return f'{note}<div class="figures">{figures}</div>' if figures else ""


def _only_in(one: Document, other: Document) -> str:
    names: Sequence[str] = sorted({metric.name for metric in one.metrics} - {metric.name for metric in other.metrics})
    return f" Only A measured {escape(', '.join(plain(name) for name in names))}." if names else ""
