"""Two runs compared, for a terminal: what was set differently, where they part, which verdicts differ.

A line that both runs have stands once, indented by two spaces; `-` marks what only the first did, `+` the second.

It deliberately compares nothing itself: everything comes from `pair`.
"""

from collections.abc import Sequence
from typing import Any

from simkit.observe.moment import moment
from simkit.observe.trace import TraceRecord
from simkit.report.course import Course
from simkit.report.pair import Pair, Parting, Side
from simkit.report.passage import actor_and_words
from simkit.report.words import digest_words, ending, plain

SETTINGS_MAX = 12
"""Settings that differ which are told; the others are counted."""

TEXT_MAX = 110
_COLORS = {"-": "31", "+": "32"}


def diff_text(pair: Pair, *, page: str | None = None, color: bool = False) -> str:
    """Return the whole comparison, ending in a line break; `page` is where the picture of it lies."""
    lines = [*_heads(pair), *_settings(pair)]
    if pair.equal and pair.bytes_part is None:
        lines.append(f"the same run, byte for byte: {pair.first.document.events:,} events")
    for sentence, told in partings(pair):
        lines += [sentence, *(f"{mark} {line}" for mark, line in told)]
    lines += [f"  {sentence}" for sentence in pair.unknown]
    lines += _verdicts(pair)
    if page is not None:
        lines.append(f"side by side   {page}")
    painted = (f"\x1b[{_COLORS[line[0]]}m{line}\x1b[0m" if color and line[:1] in _COLORS else line for line in lines)
    return "\n".join(line.rstrip() for line in painted) + "\n"


def as_json(pair: Pair, page: str | None = None) -> dict[str, Any]:
    """Return the comparison as plain data."""
    at, course = pair.bytes_part, pair.course
    heads = () if course is None else tuple(deeds[0] if deeds else None for deeds in (course.first, course.second))
    return {
        "runs": [_side_json(side) for side in (pair.first, pair.second)],
        "equal": pair.equal,
        "settings": [dict(zip(("path", "first", "second"), each, strict=True)) for each in pair.settings()],
        "bytes_part": None if at is None else {"record": at.position, **_moment_json(pair, at, (at.first, at.second))},
        "course_parts": None if course is None else {"host": course.host, **_moment_json(pair, course, heads)},
        "unknown": pair.unknown,
        "expectations": [
            {"subject": each.subject, "first": each.words[0], "second": each.words[1], "differs": each.differs}
            for each in pair.expectations()
        ],
        "page": page,
    }


def record_line(pair: Pair, record: TraceRecord | None) -> str:
    """Return a record as one line: moment, who, what."""
    if record is None:
        return "(the run has ended)"
    actor, words = actor_and_words(record, pair.first.document.words | pair.second.document.words)
    return f"{moment(record.time_ns, digits=6)}  {actor}  {plain(words, TEXT_MAX)}"


def partings(pair: Pair) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the places where the two part, each as a sentence and (mark, line): " " for both runs, "-" or "+"."""
    found = []
    if pair.bytes_part is not None:
        at = pair.bytes_part
        lines = _context(pair, at)
        if at.first and at.second and record_line(pair, at.first) == record_line(pair, at.second):
            lines.append((" ", "(the bytes differ beyond what a trace keeps of them, or in what no reader shows)"))
        found.append((f"the first record that differs is number {at.position:,}, at {moment(at.time_ns)}", lines))
    if pair.course is not None:
        who = plain(pair.course.host) or "the world"
        found.append((f"{who} first does something else at {moment(pair.course.time_ns)}", _deeds(pair, pair.course)))
    elif pair.bytes_part is not None and not pair.unknown:
        found.append(("every host does the same things in the same order: only contents and moments differ", []))
    return found


def _deeds(pair: Pair, course: Course) -> list[tuple[str, str]]:
    marked = ((" ", course.before), ("-", course.first), ("+", course.second))
    lines = [(mark, record_line(pair, record)) for mark, deeds in marked for record in deeds]
    ended = [(mark, "(nothing more)") for mark, deeds in marked[1:] if not deeds]
    return lines + ended


def _heads(pair: Pair) -> list[str]:
    return [
        f"{mark} {side.folder}  {side.name}  {ending(side.document)}  digest {digest_words(side.document.digest)}"
        for mark, side in (("-", pair.first), ("+", pair.second))
    ]


def _settings(pair: Pair) -> list[str]:
    rows = pair.settings()
    lines = [
        f"set    {path}: {one or '(not set)'} -> {other or '(not set)'}" for path, one, other in rows[:SETTINGS_MAX]
    ]
    if len(rows) > SETTINGS_MAX:
        lines.append(f"       and {len(rows) - SETTINGS_MAX} more")
    return lines or ["set    everything the same"]


def _context(pair: Pair, parting: Parting) -> list[tuple[str, str]]:
    """Return the records around a parting as (mark, line): mark " " for both runs, "-" and "+" for one of them."""
    one = {index: record_line(pair, record) for index, record in pair.first.around(parting.position)}
    other = {index: record_line(pair, record) for index, record in pair.second.around(parting.position)}
    lines: list[tuple[str, str]] = []
    gone: list[tuple[str, str]] = []
    come: list[tuple[str, str]] = []
    for index in sorted({*one, *other}):
        if one.get(index) == other.get(index) and index != parting.position:
            lines += [*gone, *come, (" ", one[index])]
            gone, come = [], []
            continue
        gone += [("-", one[index])] if index in one else []
        come += [("+", other[index])] if index in other else []
    ended = "(the run has ended)"
    gone += [] if parting.first else [("-", ended)]
    come += [] if parting.second else [("+", ended)]
    return [*lines, *gone, *come]


def _verdicts(pair: Pair) -> list[str]:
    every = pair.expectations()
    differing = [each for each in every if each.differs]
    if not every:
        return ["nothing was expected of either"]
    if not differing:
        return [f"verdicts the same: {len(every)} expectations"]
    wide = max(len(plain(each.subject)) for each in differing)
    lines = [f"verdicts differ in {len(differing)} of {len(every)}"]
    for each in differing:
        for mark, entry, word in (("-", each.first, each.words[0]), ("+", each.second, each.words[1])):
            summary = "" if entry is None else plain(entry.summary, 160)
            lines.append(f"{mark} {plain(each.subject):<{wide}}  {word:<9}  {summary}")
    return lines


def _side_json(side: Side) -> dict[str, Any]:
    one = side.document
    names = ("scenario", "variant", "seed", "verdict", "as_declared", "digest", "events")
    return {"folder": str(side.folder), **{name: getattr(one, name) for name in names}}


def _moment_json(pair: Pair, at: Parting | Course, records: Sequence[TraceRecord | None]) -> dict[str, Any]:
    first, second = (record_line(pair, record) for record in records)
    return {"time_ns": at.time_ns, "first": first, "second": second}
