"""A table of many runs: one line for each, what became of it, and whether that is what its file declares.

Seeds of one scenario and variant stand together, and branches of one seed as `seed/branch`; what is the same as in the
line above is not repeated.

It deliberately shows no pictures: `simkit open` does, run by run.
"""

from collections import Counter
from collections.abc import Sequence

from simkit.observe.document import Document, ExpectationEntry
from simkit.observe.moment import moment, number
from simkit.report.words import COLORS, digest_words, failed, plain, tone, verdict_word


def table(documents: Sequence[Document], *, color: bool = False) -> str:
    """Return one line for each run and a last line that counts, ending in a line break."""
    wide = max([8, *(max(len(plain(each.scenario)), len(_variant(each)) + 2) for each in documents)])
    lines = [f"{'scenario':<{wide}}  {'seed':>6}  {'verdict':<8}{'declared':<17}{'digest':<16}what happened"]
    shown = ("", "")
    for document in documents:
        here = (document.scenario, document.variant or "")
        if here[0] != shown[0] and here[1]:
            lines.append(plain(document.scenario))
        name = plain(document.scenario) if not here[1] else f"  {_variant(document)}"
        lines.append(_line("" if here == shown else name, wide, document, color))
        shown = here
    lines.append(_count(documents))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _line(name: str, wide: int, document: Document, color: bool) -> str:
    word = f"{verdict_word(document):<8}"
    verdict = f"\x1b[{COLORS[tone(document)]}m{word}\x1b[0m" if color else word
    declared = "as declared" if document.as_declared else "NOT as declared"
    digest = digest_words(document.digest)
    luck = f"{document.seed}" if document.branch is None else f"{document.seed}/{document.branch}"
    return f"{name:<{wide}}  {luck:>6}  {verdict}{declared:<17}{digest:<16}{_happened(document)}"


def _variant(document: Document) -> str:
    return plain(document.variant or "")


def _happened(document: Document) -> str:
    """Return what ended a run, or everything that failed in it; for a run that passed, nothing."""
    if document.error:
        return f"{plain(document.error.text, 80)} at {moment(document.error.time_ns)}"
    broken = failed(document)
    if broken:
        return ", ".join(_problem(each) for each in sorted(broken, key=_since))
    surprise = [plain(each.subject) for each in document.expectations if not each.as_declared]
    return f"{surprise[0]} was declared to fail" if surprise else ""


def _since(expectation: ExpectationEntry) -> float:
    return min((violation.time_ns for violation in expectation.violations), default=float("inf"))


def _problem(expectation: ExpectationEntry) -> str:
    word = {"unknown": " unknown", "error": " could not be judged"}.get(expectation.verdict, "")
    if expectation.violations:
        return f"{plain(expectation.subject)}{word} at {moment(int(_since(expectation)))}"
    return f"{plain(expectation.subject)}{word}" + (
        f": {plain(expectation.summary, 80)}" if expectation.summary else ""
    )


def _count(documents: Sequence[Document]) -> str:
    verdicts = Counter(document.verdict for document in documents)
    counts = ", ".join(f"{verdicts[word]} {word}" for word in ("pass", "fail", "unknown", "error") if verdicts[word])
    declared = sum(document.as_declared for document in documents)
    runs = f"{len(documents)} run{'s' * (len(documents) != 1)}"
    result = "all as declared" if declared == len(documents) else f"{len(documents) - declared} NOT as declared"
    seconds = sum(document.wall_seconds for document in documents)
    events = sum(document.events for document in documents)
    return f"{runs}: {counts or 'none'} · {result} · {events:,} events in {number(round(seconds, 1))} s"
