"""What lies below the page's first screen: every expectation with its stories, figures, faults, logs, events.

Each function returns the HTML of one part, complete without the script; only the log lines are filled in by it.

It deliberately decides nothing about the run: order and words come from the document.
"""

import re
from collections.abc import Sequence
from html import escape

from simkit.observe.document import Document, ExpectationEntry, StoryStep
from simkit.observe.moment import moment, number, span
from simkit.report import strips
from simkit.report.cycles import draw_cycle
from simkit.report.drawing import Drawing
from simkit.report.explanation_picture import explanation_html
from simkit.report.messages import Messages
from simkit.report.operations import svg_chart
from simkit.report.pictures import pictures_of
from simkit.report.spacetime import messages_section
from simkit.report.timeline import fault_number
from simkit.report.words import absent, plain, spared, tone, verdict_word

STORIES_MAX = 20
"""Violations of one expectation whose stories the page tells."""

FAULT_ROWS_MAX = 500
_CYCLE_CAPTION = (
    "An arrow leads from what must have come first. ww: the next one overwrote it; wr: the next one read it; rw: it "
    "had read what the next one then overwrote. Going round, each would have to come before itself."
)
_IDENTIFIER = re.compile(r"\b(?=[0-9a-f-]*[0-9])[0-9a-f-]{12,}\b")
"""What nobody reads twice: the hexadecimal name of a task, a UUID."""

_RIGHT, _NOT_SO = '<span class="word pass">right</span>', '<span class="word unknown">not so</span>'
_LEVELS = (("0", "every level"), ("1", "INFO and above"), ("2", "WARNING and above"), ("3", "ERROR and above"))


def below(document: Document, figures: Sequence[Drawing], messages: Messages | None = None) -> str:
    """Return everything below the first screen."""
    parts = [
        ("What you said, and the answers", _predictions(document)),
        ("Messages", messages_section(document, messages)),
        ("Expectations", _expectations(document)),
        ("Figures of the system", _pictures(document)),
        ("Figures", _figures(figures)),
        ("Metrics", _metrics(document)),
        ("Faults", _faults(document)),
        ("Events", _events(document)),
        ("Logs", _logs(document)),
    ]
    return "".join(
        f'<section class="below" id="{_name(title)}"><h2>{title}</h2>{part}</section>' for title, part in parts if part
    )


def _name(title: str) -> str:
    return title.lower().replace(" ", "-")


def jump(time_ns: int) -> str:
    """Return a moment as a button that moves the time slider there."""
    return f'<button type="button" data-t="{time_ns}">{moment(time_ns)}</button>'


def expectation_word(expectation: ExpectationEntry) -> str:
    """Return an expectation's verdict as a coloured word; a failure that was declared is no alarm."""
    return f'<span class="word {tone(expectation)}">{verdict_word(expectation).lower()}</span>'


def story_lines(document: Document, steps: Sequence[StoryStep]) -> str:
    """Return a story as a list, each line a jump to its moment."""
    rows = []
    seen: set[str] = set()
    for step in steps:
        names = [name for name, told in (("violation", step.violation), ("fault", step.fault is not None)) if told]
        who = f"<span class='who' title='{escape(plain(step.host))}'>{escape(plain(step.host))}</span>"
        where = ""
        if step.sender and step.sent_ns is not None:
            sender, told = escape(plain(step.sender)), f"a message that left at {moment(step.sent_ns, digits=6)}"
            who = f"<span class='who' title='{told}'><small>{sender} &rarr;</small> {escape(plain(step.host))}</span>"
        if step.fault is not None:
            known = any(fault.name == step.fault for fault in document.faults)
            color = f" class='f{fault_number(document, step.fault)}'" if known else ""
            who = f"<span class='who'>fault <b{color}>{escape(plain(step.fault))}</b></span>"
            where = f" <span class='where'>{escape(plain(document.file))}:{step.line}</span>" if step.line else ""
        rows.append(
            f"<li class='{' '.join(names)}'>{jump(step.time_ns)}{who}"
            f"<span class='what'>{_with_short_names(plain(step.text), seen)}{where}</span></li>"
        )
    return f"<ol class='steps'>{''.join(rows)}</ol>"


def _with_short_names(text: str, seen: set[str]) -> str:
    """Return a text in which a long identifier that was read before is cut; the whole of it is its tooltip."""

    def shortened(found: re.Match[str]) -> str:
        name = found[0]
        if name in seen:
            return f"<abbr title='{name}'>{name[:6]}&hellip;</abbr>"
        seen.add(name)
        return name

    return _IDENTIFIER.sub(shortened, escape(text))


def _expectations(document: Document) -> str:
    if not document.expectations:
        return "<p>The scenario expects nothing.</p>"
    rows = []
    for each in document.expectations:
        declared = "" if each.declared == "holds" else "as declared" if each.as_declared else "declared to fail"
        if not each.as_declared:
            declared = f"{declared or 'declared to hold'}: not as declared"
        declared = f" <span class='note'>{declared}</span>" if declared else ""
        rows.append(
            f"<tr><td>{expectation_word(each)}</td><td>{escape(plain(each.text))}</td>"
            f"<td>{escape(plain(each.summary))}{declared}{_stories(document, each)}</td></tr>"
        )
    head = "<tr><th>verdict</th><th>expectation</th><th>what was found</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _stories(document: Document, expectation: ExpectationEntry) -> str:
    parts = []
    for place, violation in enumerate(expectation.violations[:STORIES_MAX]):
        title = f"{moment(violation.time_ns)} {plain(violation.host)}: {plain(violation.text)}"
        inside = story_lines(document, violation.story) if violation.story else jump(violation.time_ns)
        if violation.cycle:
            inside += f"<figure>{draw_cycle(violation.cycle)}<figcaption>{_CYCLE_CAPTION}</figcaption></figure>"
        inside += svg_chart(violation.operations)
        if violation.explanation:
            name = f"explanation-{document.expectations.index(expectation)}-{place}"
            inside += explanation_html(violation.explanation, name)
        drawn = violation.cycle or violation.operations or violation.explanation
        shown = " open" if place == 0 and drawn else ""
        parts.append(f"<details{shown}><summary>{escape(title)}</summary>{inside}</details>")
    rest = max(expectation.violations_total, len(expectation.violations)) - len(parts)
    return "".join(parts) + (f"<p>and {rest:,} more</p>" if rest > 0 else "")


def _predictions(document: Document) -> str:
    """Return what was said before the run, beside what the run did."""
    rows = "".join(
        f"<tr><td>{_RIGHT if each.right else _NOT_SO}</td>"
        f"<td>{escape(plain(each.question))}</td><td class='mono'>{escape(plain(each.said))}</td>"
        f"<td class='mono'>{escape(plain(each.did))}</td><td>{escape(plain(each.because))}</td></tr>"
        for each in document.predictions
    )
    head = "<tr><th></th><th>question</th><th>you said</th><th>answer</th><th>because</th></tr>"
    return f'<div class="scroll"><table class="predictions">{head}{rows}</table></div>' if rows else ""


def _pictures(document: Document) -> str:
    parts = []
    for drawing, picture in zip(pictures_of(document), document.pictures, strict=True):
        cut = f" {picture.left_out:,} parts were too many to be drawn." if picture.left_out else ""
        note = escape(plain(picture.note, 400)) + cut
        told = f'<figcaption class="note">{note.strip()}</figcaption>' if note.strip() else ""
        wide = ' class="wide"' if picture.lanes else ""
        parts.append(f"<figure{wide}>{drawing.svg}{told}</figure>")
    return f'<div class="figures">{"".join(parts)}</div>' if parts else ""


def _figures(figures: Sequence[Drawing]) -> str:
    drawn = "".join(f"<figure>{drawing.svg}</figure>" for drawing in figures if not drawing.flat)
    flat = [drawing for drawing in figures if drawing.flat]
    shown = f'<div class="figures">{drawn}</div>' if drawn else ""
    if flat:
        names = escape(", ".join(plain(drawing.name) for drawing in flat))
        inside = "".join(f"<figure>{drawing.svg}</figure>" for drawing in flat)
        shown += f'<details><summary>Never moved: {names}</summary><div class="figures">{inside}</div></details>'
    return shown


def _metrics(document: Document) -> str:
    """Return a table of statistics by window, one row per metric of all hosts together."""
    first = {metric.name: metric for metric in reversed(document.metrics)}
    windows = [name for name in ("steady", "faults", "recovery", "all") if document.windows.named(name)]
    shown = {"counter": "rate", "gauge": "mean", "histogram": "p99"}
    rows = []
    for name in sorted(first):
        metric = first[name]
        word = shown[metric.kind]
        found = [metric.windows.get(window, {}).get(word) for window in windows]
        cells = "".join(f"<td class='mono'>{'' if value is None else number(value)}</td>" for value in found)
        unit = f"{plain(metric.unit)}/s" if metric.kind == "counter" else plain(metric.unit)
        rows.append(f"<tr><td>{escape(plain(name))}</td><td>{word}</td>{cells}<td>{escape(unit)}</td></tr>")
    if not rows:
        return ""
    heads = "".join(f"<th>{window}</th>" for window in windows)
    return (
        f'<div class="scroll"><table><tr><th>metric</th><th></th>{heads}<th>unit</th></tr>{"".join(rows)}</table></div>'
    )


def _faults(document: Document) -> str:
    found = (("Left out", absent(document)), ("No strike", spared(document)))
    notes = "".join(f"<p>{noun}: {escape(text)}.</p>" for noun, text in found if text)
    if not document.faults:
        return notes
    letters = strips.fault_letters(document.faults)
    rows = []
    for fault in document.faults[:FAULT_ROWS_MAX]:
        begin_ns, end_ns = strips.interval(document, fault)
        lasted = "at once" if fault.kind == "act" and begin_ns == end_ns else span(end_ns - begin_ns)
        where = f"{plain(document.file)}:{fault.line}" if fault.line else ""
        chip = f"<span class='chip f{fault_number(document, fault.name)}'>{letters[fault.name]}</span>"
        rows.append(
            f"<tr><td>{chip}{escape(plain(fault.name))}</td><td>{jump(begin_ns)}</td>"
            f"<td class='mono'>{'never healed' if fault.end_ns is None else lasted}</td>"
            f"<td>{escape(plain(fault.text or fault.fault))}</td><td class='mono'>{escape(where)}</td></tr>"
        )
    head = "<tr><th>fault</th><th>from</th><th>lasted</th><th>what</th><th>line</th></tr>"
    rest = len(document.faults) - FAULT_ROWS_MAX
    more = f"<p>and {rest:,} more</p>" if rest > 0 else ""
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>{more}{notes}'


def _events(document: Document) -> str:
    rows = [
        f"<tr><td>{escape(plain(tag))}</td><td class='mono'>{count:,}</td>"
        f"<td>{jump(document.first_events[tag]) if tag in document.first_events else ''}</td></tr>"
        for tag, count in sorted(document.event_counts.items())
    ]
    head = "<tr><th>event</th><th>times</th><th>first</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>' if rows else ""


def _logs(document: Document) -> str:
    if not document.logs:
        return ""
    hosts = sorted({plain(line.host) for line in document.logs})
    choices = "".join(f"<option>{escape(host)}</option>" for host in hosts)
    levels = "".join(f'<option value="{rank}">{words}</option>' for rank, words in _LEVELS)
    kept = f"<p>{len(document.logs):,} of {document.logs_total:,} lines were kept.</p>"
    return (
        '<div class="filters"><label class="hidden" for="log-host">Host</label>'
        f'<select id="log-host"><option value="">every host</option>{choices}</select>'
        f'<label class="hidden" for="log-level">Level</label><select id="log-level">{levels}</select>'
        '<label class="hidden" for="log-text">Text</label>'
        '<input type="search" id="log-text" placeholder="text or logger">'
        '<label><input type="checkbox" id="near"> within 10 s of the slider</label><span id="found"></span></div>'
        '<div class="scroll"><table><thead><tr><th>time</th><th>host</th><th>level</th><th>line</th></tr></thead>'
        '<tbody id="lines"></tbody></table></div><button type="button" id="more" hidden>more lines</button>'
        + (kept if document.logs_total > len(document.logs) else "")
    )
