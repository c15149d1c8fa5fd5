"""The report of one run: one HTML file that opens from disk, asks for nothing and works without a network.

The first screen says what happened: the verdict in one sentence, the strip of host states, the story or the closest
margins, the metric that moved most, the line of the fault that holds, and the command that runs it again. All names and
texts of the run are escaped here or set as text by the script; a policy in the file lets only that one script run.

It deliberately reads only the run document and, for its messages, the trace: the same two give the same file, byte
for byte.
"""

from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

from simkit.observe.document import Document, ExpectationEntry, StoryStep, ViolationEntry
from simkit.observe.moment import moment, number, span
from simkit.observe.trace import StoredTrace
from simkit.report import strips, timeline
from simkit.report.abridgement import left_out
from simkit.report.drawing import Drawing
from simkit.report.figures import drawings
from simkit.report.messages import messages_of
from simkit.report.page_data import page_data
from simkit.report.sections import below, expectation_word, jump, story_lines
from simkit.report.template import fill, head, template
from simkit.report.words import (
    closest,
    digest_words,
    ending,
    own_systems,
    plain,
    seed_options,
    seed_words,
    sentence,
    title_of,
    tone,
)

_LONG = 170
"""Characters of the sentence from which on it is set smaller."""

_STORY_MAX = 11
"""Lines of a story on the first screen."""

_ROOMY_MAX = 5
"""Expectations that have two lines each on the first screen; with more, each has one."""

SCRIPTS = (
    "moment",
    "run",
    "clock",
    "present",
    "messages",
    "why",
    "spacetime",
    "topology",
    "hosts",
    "logs",
    "keys",
)
STYLES = ("page", "messages", "print")
"""The parts of the page's script and style, in their order."""


def page(
    document: Document,
    *,
    run_folder: str | None = None,
    behind: Document | None = None,
    trace: StoredTrace | None = None,
    figures: Sequence[Drawing] | None = None,
) -> str:
    """Return the page of one run.

    Args:
        document: of the run.
        trace: of the run, for the messages; without it the page shows none.
        run_folder: as the user should type it in the command to copy; the scenario's name when None.
        behind: of a run to compare with, such as the fixed variant: its metrics are grey behind this run's.
        figures: of the metrics, drawn already; drawn here when None.
    """
    drawn = drawings(document, behind) if figures is None else figures
    start_ns, told = opening_moment(document), sentence(document)
    messages = None if trace is None else messages_of(document, trace)
    script = _script()
    values = {
        "head": head(escape(f"{ending(document)}: {title_of(document)} · seed {seed_words(document)}"), STYLES, script),
        "script": script,
        "verdict": tone(document),
        "badge": ending(document),
        "name": escape(title_of(document)) + _changes(document),
        "facts": _facts(document),
        "sentence": escape(told),
        "sentence_class": ' class="long"' if len(told) > _LONG else "",
        "lanes": timeline.lanes(document),
        "axis": timeline.axis(document),
        "duration_ms": str(document.duration_ns // 1_000_000),
        "start_ms": str(start_ns // 1_000_000),
        "start": moment(start_ns),
        "story": _story(document),
        "metric": _metric(document, behind),
        "command": _command(document, run_folder),
        "below": below(document, drawn, messages),
        "footer": _footer(document),
        "data": page_data(document, start_ns, messages),
    }
    return fill(template("page.html"), values)


def write_page(document: Document, path: Path, *, behind: Document | None = None) -> None:
    """Write the page of a run into its folder, whose name then is the command's argument."""
    text = page(document, run_folder=str(path.parent), behind=behind, trace=trace_beside(path))
    path.write_text(text, encoding="utf-8")


def trace_beside(path: Path) -> StoredTrace | None:
    """Return the trace in the folder of a file, None if the run kept none that can be read."""
    try:
        return StoredTrace(path.parent / "trace.bin")
    except (OSError, ValueError):
        return None


def opening_moment(document: Document) -> int:
    """Return the moment at which the page opens: the first violation, the error, else where the metric was highest."""
    if document.error:
        return document.error.time_ns
    found = strips.violations(document)
    if found:
        return found[0][1].time_ns
    metric = strips.headline(document)
    peak = strips.highest(metric) if metric else None
    return peak[0] if peak else 0


@cache
def _script() -> str:
    """Return all of the page's script as one function, so that it leaves no name behind."""
    parts = "\n".join(template(f"script/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _changes(document: Document) -> str:
    """Return what the variant or the command line set: mostly the one thing that makes the difference."""
    told = escape(", ".join(plain(change, 80) for change in document.changes[:4]))
    more = f" and {len(document.changes) - 4} more" if len(document.changes) > 4 else ""
    return f' <code class="changes">{told}{more}</code>' if told else ""


def _facts(document: Document) -> str:
    facts = {
        "seed": seed_words(document),
        "digest": digest_words(document.digest),
        "hosts": str(len(document.hosts)),
        "virtual": span(strips.end_of(document)),
    }
    return "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items() if value)


def _story(document: Document) -> str:
    """Return the left panel: the traceback, the first story, or the expectations by margin."""
    if document.error:
        where = jump(document.error.time_ns)
        text = document.error.traceback or document.error.text
        return (
            f"<h2>The error, {where} on {escape(plain(document.error.host) or 'no host')}</h2><pre>{escape(text)}</pre>"
        )
    found = strips.violations(document)
    if found:
        subject, first = found[0]
        return f"<h2>How {escape(plain(subject))} came to fail</h2>{_short_story(document, _steps(first))}"
    rows = "".join(_margin(each) for each in closest(document))
    tight = " tight" if len(document.expectations) > _ROOMY_MAX else ""
    return f'<h2>Expectations, closest margin first</h2><ul class="margins{tight}">{rows}</ul>'


def _steps(violation: ViolationEntry) -> tuple[StoryStep, ...]:
    told = StoryStep(time_ns=violation.time_ns, host=violation.host, text=violation.text, violation=True)
    return violation.story or (told,)


def _short_story(document: Document, steps: Sequence[StoryStep]) -> str:
    """Return a story that the first screen holds: of a long one the beginning and the end, the middle to be opened."""
    hidden = left_out(steps, _STORY_MAX)
    if not hidden:
        return story_lines(document, steps)
    begin = min(hidden)
    shown = [step for place, step in enumerate(steps) if place > begin and place not in hidden]
    middle = story_lines(document, [steps[place] for place in sorted(hidden)])
    return (
        f"{story_lines(document, steps[:begin])}<details><summary>{len(hidden)} more lines</summary>{middle}</details>"
        f"{story_lines(document, shown)}"
    )


def _margin(expectation: ExpectationEntry) -> str:
    bar = ""
    if expectation.margin is not None:
        share = min(max(expectation.margin, 0.0), 1.0)
        bar = f'<span class="bar" title="{share:.0%} of the bound unused"><i style="width:{share:.1%}"></i></span>'
    return (
        f'<li>{expectation_word(expectation)}<span class="what">{escape(plain(expectation.text))}{bar}</span>'
        f'<span class="how">{escape(plain(expectation.summary))}</span></li>'
    )


def _metric(document: Document, behind: Document | None) -> str:
    metric = strips.headline(document)
    peak = strips.highest(metric) if metric else None
    if metric is None or peak is None:
        return "<h2>Metrics</h2><p>This run measured nothing that goes up and down.</p>"
    where = f" on {escape(plain(metric.host))}" if metric.host else ""
    unit = escape(plain(metric.unit))
    grey = f"; grey: {escape(_other(document, behind))}" if behind else ""
    return (
        f"<h2><span><b>{escape(plain(metric.name))}</b>{where}</span>"
        f'<span>now <b id="value">{number(peak[1])}</b> {unit}</span></h2>'
        f'<div class="field">{timeline.metric(document, metric, behind)}{timeline.PLAYHEAD}</div>'
        f"<p>highest {number(peak[1])} {unit} at {jump(peak[0])}{grey}</p>"
    )


def _other(document: Document, behind: Document) -> str:
    """Return what tells another run from this one, in short."""
    if document.scenario != behind.scenario:
        return title_of(behind)
    return f"variant {plain(behind.variant)}" if behind.variant else "the scenario itself"


def _command(document: Document, run_folder: str | None) -> str:
    of_name = f"{plain(document.scenario)}{seed_options(document)}"
    text = plain(document.again) or f"simkit run {run_folder or of_name}{own_systems(document)}"
    return (
        f'Run it again: <code id="again">{escape(text)}</code>'
        f'<button type="button" data-copy="again" aria-live="polite">copy</button>'
    )


def _footer(document: Document) -> str:
    made = " ".join(f"{escape(plain(name))} {escape(plain(value))}" for name, value in document.versions.items())
    cut = "; ".join(f"{count:,} left out by {escape(plain(name))}" for name, count in document.left_out.items())
    cut += "".join(f"<br>warning: {escape(plain(warning))}" for warning in document.warnings)
    speed = f"{document.events:,} records in {number(round(document.wall_seconds, 2))} s of real time"
    whole = f"digest {escape(document.digest)}"
    return "<br>".join(part for part in (f"core {escape(plain(document.core))} · {speed} · {whole}", made, cut) if part)
