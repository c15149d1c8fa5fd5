"""What a run says about a prediction: the answer that turned out to be right, and whether another one was.

    first violation check | first violation host | first violation time   (time in s)
    violations of CHECK | verdict of CHECK | events NAME | first NAME      (first: time in s)
    METRIC STATISTIC in WINDOW                                             (as the run document tabulates it)

It deliberately reads the run document and nothing else, so that a report and a grader see the same truth.
"""

import re
from collections.abc import Callable, Mapping

from simkit.language.duration import TIME_UNITS, Duration
from simkit.language.problem import Refusal
from simkit.observe.document import Document, ExpectationEntry, PredictionEntry
from simkit.observe.moment import NANOSECONDS, number
from simkit.teaching.lesson import Question

NOTHING = "none"

Truth = str | float


def truth_of(phrase: str, document: Document) -> Truth:
    """Return what the run says; "none" where it never happened. ValueError for a phrase that is none of the above."""
    for pattern, read in _READERS.items():
        found = re.fullmatch(pattern, phrase)
        if found:
            return read(document, *found.groups())
    raise ValueError(f"cannot read the truth {phrase!r}")


def judged(question: Question, said: str, document: Document) -> PredictionEntry:
    """Hold one answer against the run."""
    truth: Truth = truth_of(question.truth, document) if question.truth else question.answer
    if isinstance(truth, float):
        given = as_number(said, question.unit)
        right = given is not None and abs(given - truth) <= (question.within or 0.0)
        did = f"{number(round(truth, 3))} {question.unit}".strip()
        said = said if given is None else f"{number(round(given, 3))} {question.unit}".strip()
    else:
        right, did = said.strip().casefold() == truth.casefold(), truth
    return PredictionEntry(question=question.ask, said=said, did=did, right=right, because=question.because)


def as_number(text: str, unit: str = "") -> float | None:
    """Return a number as a person writes it, None if it is none; a time may have a unit of its own: 2min, 135s."""
    if unit in TIME_UNITS:
        try:
            return Duration.parse(text) / TIME_UNITS[unit]
        except Refusal:
            pass
    try:
        value = float(text.replace(",", "").split()[0])
    except (ValueError, IndexError):
        return None
    return value if abs(value) < 1e15 else None


def _first(document: Document) -> tuple[str, str, int] | None:
    """Return (check, host, time_ns) of the earliest violation."""
    found = [(one.time_ns, each.subject, one.host) for each in document.expectations for one in each.violations]
    if not found:
        return None
    time_ns, subject, host = min(found)
    return subject.split()[0], host, time_ns


def _first_violation(document: Document, what: str) -> Truth:
    first = _first(document)
    if first is None:
        return NOTHING
    check, host, time_ns = first
    return time_ns / NANOSECONDS if what == "time" else host if what == "host" else check


def _expectation(document: Document, check: str) -> ExpectationEntry | None:
    return next((each for each in document.expectations if each.subject.split()[0] == check), None)


def _violations(document: Document, check: str) -> Truth:
    found = _expectation(document, check)
    return 0.0 if found is None else float(max(found.violations_total, len(found.violations)))


def _verdict(document: Document, check: str) -> Truth:
    found = _expectation(document, check)
    return NOTHING if found is None else found.verdict


def _events(document: Document, name: str) -> Truth:
    return float(document.event_counts.get(name, 0))


def _first_event(document: Document, name: str) -> Truth:
    found_ns = document.first_events.get(name)
    return NOTHING if found_ns is None else found_ns / NANOSECONDS


def _metric(document: Document, name: str, statistic: str, window: str) -> Truth:
    for metric in document.metrics:
        if metric.name == name and statistic in metric.windows.get(window, {}):
            return metric.windows[window][statistic]
    return NOTHING


_READERS: Mapping[str, Callable[..., Truth]] = {
    r"first violation (check|host|time)": _first_violation,
    r"violations of (\S+)": _violations,
    r"verdict of (\S+)": _verdict,
    r"events (\S+)": _events,
    r"first (\S+)": _first_event,
    r"(\S+) (\S+) in (steady|faults|recovery|all)": _metric,
}
