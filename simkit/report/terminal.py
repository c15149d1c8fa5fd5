"""What the terminal says of a finished run: a picture of a dozen lines, the expectations, and what to type next.

One function from the run document to text; nothing is read, measured or guessed here, so the same document always
reads the same. Columns are plain ASCII; the middle dot of the first and last line is the only exception.

It deliberately shows one story: everything else is on the page.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from textwrap import wrap

from simkit.observe.document import Document, LogEntry, StoryStep, ViolationEntry
from simkit.observe.moment import NANOSECONDS, moment, number, span
from simkit.report import strips
from simkit.report.abridgement import left_out
from simkit.report.operations import text_chart
from simkit.report.words import (
    COLORS,
    absent,
    digest_words,
    own_systems,
    plain,
    seed_words,
    spared,
    title_of,
    tone,
    verdict_word,
)

LEGEND_COLUMNS = 29
"""Columns right of the strips."""

GROUPS_MAX = 12
"""Strips of host groups; the rest is counted in one line."""

STORY_MAX = 12
"""Lines of a story; of a longer one the beginning and the end."""

LOGS_MAX = 3
LOGS_NEAR_NS = 10 * NANOSECONDS

SEARCHES = {
    "why": "which fault was necessary, when it became inevitable",
    "shrink": "the smallest file that still fails like this",
}
_UNITS = ((3_600 * NANOSECONDS, "h"), (60 * NANOSECONDS, "min"), (NANOSECONDS, "s"))
_SEVERITY = {"CRITICAL": 3, "ERROR": 2, "WARNING": 1}

Paint = Callable[[str, str], str]


def terminal(
    document: Document,
    *,
    run_folder: str | None = None,
    width: int = 100,
    color: bool = False,
    searches: Sequence[str] = ("why", "shrink"),
) -> str:
    """Return the text of a finished run, ending in a line break.

    Args:
        document: of the run.
        run_folder: as the user should type it; without one, no next commands are shown.
        width: columns the strips and their legends may take; summaries and stories are never cut.
        color: ANSI colours for verdicts.
        searches: the commands offered after a failure, of `SEARCHES`.
    """
    paint: Paint = (lambda text, tone: f"\x1b[{COLORS[tone]}m{text}\x1b[0m") if color else lambda text, _: text
    lines = [_header(document), *_picture(document, width), *_table(document, paint), *_error(document, paint)]
    lines += [f"  warning  {plain(warning)}" for warning in document.warnings]
    lines += _verdict(document, run_folder, paint, searches)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _header(document: Document) -> str:
    count = len(document.hosts)
    hosts = f"{count} host{'s' * (count != 1)}"
    return (
        f"{title_of(document)} · seed {seed_words(document)} · {hosts} · {span(document.duration_ns)} virtual"
        f" · core {plain(document.core)}"
    )


def _picture(document: Document, width: int) -> list[str]:
    """Return the strips below their axis."""
    rows = _host_rows(document)
    metric = strips.headline(document)
    name = plain(metric.name).rpartition(".")[2] if metric else ""
    longest = max(len(label) for label in [*(label for label, *_ in rows), name, "violated"])
    label_width = min(max(11, longest + 2), 24)
    columns = min(max(20, width - label_width - LEGEND_COLUMNS), 200)

    def row(label: str, strip: str, legend: str = "") -> str:
        short = label if len(label) < label_width else f"{label[: label_width - 3]}.."
        return f"{short:<{label_width}}{strip:<{columns}}   {legend}"

    lines = [" " * label_width + time_marks(max(1, document.duration_ns), columns)]
    for label, draw, legend in rows:
        lines.append(row(label, draw(columns), legend))
    lines += _fault_rows(document, columns, label_width, row)
    for label, text in (("left out", absent(document)), ("no strike", spared(document))):
        lines += _wrapped(label, text, label_width, columns + LEGEND_COLUMNS) if text else []
    if metric and (peak := strips.highest(metric)):
        values = strips.metric_columns(document, metric, columns)
        strip = "".join(strips.level(value, peak[1]) for value in values)
        lines.append(row(name, strip, f"max {number(peak[1])} at {moment(peak[0], digits=0)}"))
    found = strips.violations(document)
    if found:
        marks = {strips.column_of(document, violation.time_ns, columns) for _, violation in found}
        strip = "".join("!" if column in marks else "." for column in range(columns))
        lines.append(row("violated", strip, f"first at {moment(found[0][1].time_ns)}"))
    return lines


def _wrapped(label: str, text: str, label_width: int, width: int) -> list[str]:
    margin = " " * label_width
    return wrap(text, label_width + width, initial_indent=f"{label:<{label_width}}", subsequent_indent=margin)


def time_marks(duration_ns: int, columns: int) -> str:
    """Return times at round distances; the last one carries the unit."""
    size_ns, unit = next(
        ((size_ns, unit) for size_ns, unit in _UNITS if duration_ns >= 5 * size_ns),
        (1_000_000, "ms"),
    )
    step_ns = strips.round_step(duration_ns / size_ns, max(2, columns // 12)) * size_ns
    last = number(duration_ns / size_ns)
    text = [" "] * (columns + 8)
    for tick in range(int(duration_ns / step_ns) + 1):
        label = number(tick * step_ns / size_ns)
        place = int(tick * step_ns * columns / duration_ns)
        if place + len(label) + 1 < columns - len(last):
            text[place : place + len(label)] = label
    text[columns - len(last) :] = f"{last} {unit}"
    return "".join(text)


def _host_rows(document: Document) -> list[tuple[str, Callable[[int], str], str]]:
    """Return (label, strip of so many columns, legend) for each group of hosts."""
    rows: list[tuple[str, Callable[[int], str], str]] = []
    told = {"flag": False, "digit": False, "tenth": False}
    every = strips.groups(document)
    for group, names in list(every.items())[:GROUPS_MAX]:
        form = "flag" if len(names) == 1 else "digit" if len(names) < 10 else "tenth"
        legend = {
            "flag": "# up  . down",
            "digit": "(digit: how many are up)",
            "tenth": f"(# all {len(names)}, 9: 90% are up)",
        }[form]
        rows.append((plain(group), _strip_of(document, names), "" if told[form] and form != "tenth" else legend))
        told[form] = True
    if len(every) > GROUPS_MAX:
        rest = [name for names in list(every.values())[GROUPS_MAX:] for name in names]
        rows.append((f"{len(every) - GROUPS_MAX} more", _strip_of(document, rest), f"({len(rest)} hosts together)"))
    return rows


def _strip_of(document: Document, names: Sequence[str]) -> Callable[[int], str]:
    def strip(columns: int) -> str:
        counts = strips.fewest_up(document, names, columns)
        if len(names) == 1:
            return "".join("#" if count else "." for count in counts)
        if len(names) < 10:
            return "".join(str(count) if count else "." for count in counts)
        tenths = [count * 10 // len(names) for count in counts]
        return "".join(
            "#" if tenth == 10 else str(tenth) if count else "." for tenth, count in zip(tenths, counts, strict=True)
        )

    return strip


def _fault_rows(document: Document, columns: int, label_width: int, row: Callable[[str, str, str], str]) -> list[str]:
    if not document.faults:
        return []
    letters = strips.fault_letters(document.faults)
    held = strips.fault_columns(document, columns)[: strips.column_of(document, strips.end_of(document), columns) + 1]
    strip = "".join("." if not names else letters[names[0]] if len(names) == 1 else "+" for names in held)
    counts = {name: sum(fault.name == name for fault in document.faults) for name in letters}
    keys = [f"{letters[name]} {plain(name)}" + (f" x{counts[name]}" if counts[name] > 1 else "") for name in letters]
    if any(len(names) > 1 for names in held):
        keys.append("+ several")
    if len("   ".join(keys)) <= LEGEND_COLUMNS - 3:
        return [row("faults", strip, "   ".join(keys))]
    lines, line = [], ""
    for key in keys:
        if line and len(line) + len(key) + 3 > columns + LEGEND_COLUMNS:
            lines.append(line)
            line = ""
        line += f"   {key}" if line else key
    return [row("faults", strip, ""), *(" " * label_width + each for each in [*lines, line])]


def _table(document: Document, paint: Paint) -> list[str]:
    words = [verdict_word(each) for each in document.expectations]
    first = max([4, *(len(word) for word in words)])
    longest = max([17, *(len(plain(each.subject)) for each in document.expectations)])
    subject = min(longest, 46) + 1
    lines: list[str] = []
    story_told = False
    for word, each in zip(words, document.expectations, strict=True):
        summary = plain(each.summary) or (plain(each.violations[0].text) if each.violations else "")
        kind = "as declared" if tone(each) == "declared" else each.kind
        surprise = "" if each.declared == "holds" or each.as_declared else " (declared to fail)"
        verdict = paint(f"{word:<{first}}", tone(each))
        lines.append(f"  {verdict}  {kind:<12}{plain(each.subject):<{subject}}{summary}{surprise}")
        if each.violations and each.verdict == "fail" and not story_told:
            story_told = True
            lines += _story(document, each.violations[0])
            lines += [f"        {line}" for line in text_chart(each.violations[0].operations)]
            lines += _explained(each.violations[0])
            lines += _logs(document, each.violations[0])
    return lines


def _story(document: Document, violation: ViolationEntry) -> list[str]:
    steps = list(violation.story) or [
        StoryStep(time_ns=violation.time_ns, host=violation.host, text=violation.text, violation=True)
    ]
    actors = [_actor(step) for step in steps]
    wide = max(len(actor) for actor in actors)
    lines = []
    for step, actor in zip(steps, actors, strict=True):
        mark = "<-- violation" if step.violation else ""
        if step.fault is not None and step.line is not None and document.file:
            mark = f"{plain(document.file)}:{step.line}"
        if step.sent_ns is not None and step.time_ns - step.sent_ns >= NANOSECONDS:
            mark = f"(sent {moment(step.sent_ns)}) {mark}"
        lines.append(f"        {moment(step.time_ns)}  {actor:<{wide}}  {plain(step.text):<47} {mark}")
    hidden = left_out(steps, STORY_MAX - 1)
    if hidden:
        lines[min(hidden)] = f"        ...        {len(hidden)} more lines: simkit open"
        lines = [line for place, line in enumerate(lines) if place not in hidden or place == min(hidden)]
    return lines


def _explained(violation: ViolationEntry) -> list[str]:
    """Return what a check shows besides, in words: its lines, else the edges of its graph."""
    shown = violation.explanation
    if shown is None:
        return []
    told = [*([shown.title] if shown.title else []), *shown.lines]
    return [f"        {plain(line)}" for line in told[:STORY_MAX]]


def _actor(step: StoryStep) -> str:
    if step.fault is not None:
        return f"FAULT {plain(step.fault)}"
    return f"{plain(step.sender)} -> {plain(step.host)}" if step.sender else plain(step.host)


def _logs(document: Document, violation: ViolationEntry) -> list[str]:
    """Return the log lines near a violation that matter most: severe ones, of its host, close to it."""
    near = [
        line
        for line in document.logs
        if -LOGS_NEAR_NS <= line.time_ns - violation.time_ns <= NANOSECONDS and line.level != "DEBUG"
    ]

    def weight(line: LogEntry) -> tuple[int, bool, int]:
        return _SEVERITY.get(line.level, 0), line.host == violation.host, -abs(line.time_ns - violation.time_ns)

    best = sorted(sorted(near, key=weight, reverse=True)[:LOGS_MAX], key=lambda line: line.time_ns)
    lines = [
        f"  {'log' if place == 0 else '':<5} {plain(line.host)} {moment(line.time_ns)} {plain(line.level)}"
        f" {plain(line.text.partition(chr(10))[0], 160)}"
        for place, line in enumerate(best)
    ]
    if len(near) > len(best):
        lines[-1] = f"{lines[-1]:<78}  ({len(near) - len(best)} more: simkit open --logs)"
    return lines


def _error(document: Document, paint: Paint) -> list[str]:
    if document.error is None:
        return []
    error = document.error
    where = f"{plain(error.host)} " if error.host else ""
    lines = [f"  {paint('ERROR', 'error')} {where}{moment(error.time_ns)}  {plain(error.text)}"]
    return lines + [f"        {plain(line.expandtabs(4))}" for line in error.traceback.splitlines()[-8:]]


def _verdict(document: Document, run_folder: str | None, paint: Paint, searches: Sequence[str]) -> list[str]:
    word = paint(f"{verdict_word(document).upper():<5}", tone(document))
    speed = ""
    if document.wall_seconds > 0:
        ratio = document.duration_ns / NANOSECONDS / document.wall_seconds
        times = number(round(ratio, 1 if ratio < 10 else 0))
        speed = f" in {number(round(document.wall_seconds, 1))} s ({times}x real time)"
    digest = f"digest {digest_words(document.digest)}"
    lines = [f"{word} {_counts(document)} · {document.events:,} events{speed} · {digest}"]
    if run_folder:
        again = plain(document.again) or f"simkit run {run_folder}{own_systems(document)}"
        lines.append(f"report   {run_folder}/report.html{fragment(document)}      again   {again}")
    if run_folder and document.verdict == "fail" and not document.as_declared:
        wide = max((len(name) for name in searches), default=0)
        label = {"why": "why", "shrink": "smaller"}
        lines += [
            f"{label[name]:<8} simkit {name:<{wide}} {run_folder}      {SEARCHES[name]}"
            for name in SEARCHES
            if name in searches
        ]
    return lines


def _counts(document: Document) -> str:
    """Return how many expectations passed, or how many failed and are unknown, and what the file says of it."""
    count = Counter(each.verdict for each in document.expectations)
    if document.verdict == "error" and document.error:
        text = f"stopped at {moment(document.error.time_ns)}"
    elif document.verdict == "fail" and count["unknown"]:
        text = f"{count['fail']} of {len(document.expectations)}, {count['unknown']} unknown"
    else:
        text = f"{count[document.verdict]} of {len(document.expectations)}"
    surprise = [plain(each.subject) for each in document.expectations if not each.as_declared]
    if document.verdict == "pass" and not document.as_declared:
        text += f", but declared to fail: {', '.join(surprise) or 'this run'}"
    elif document.verdict != "pass" and document.as_declared:
        text += ", as declared"
    return text


def log_lines(document: Document) -> str:
    """Return the log of a run, one line after the other, further lines of a text below its first."""
    if not document.logs:
        return "no node said anything\n"
    wide = max(len(plain(line.host)) for line in document.logs)
    lines = []
    for entry in document.logs:
        first, *rest = entry.text.split("\n")
        lines.append(f"{moment(entry.time_ns)}  {plain(entry.host):<{wide}}  {plain(entry.level):<8}{plain(first)}")
        lines += [f"{'':{wide + 21}}{plain(each.expandtabs(4))}" for each in rest]
    if document.logs_total > len(document.logs):
        lines.append(f"({document.logs_total - len(document.logs):,} more lines were not kept)")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def fragment(document: Document) -> str:
    """Return the part of the page's address that opens it at the first violation or the error: ``#t=390.311``."""
    found = strips.violations(document)
    time_ns = document.error.time_ns if document.error else found[0][1].time_ns if found else None
    return "" if time_ns is None else f"#t={time_ns // 1_000_000 / 1_000:.3f}"
