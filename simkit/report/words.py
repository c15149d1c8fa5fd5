"""Words that terminal, page and tables share: digests, verdicts, the sentence that says how a run ended.

Names and texts of a run come from files and nodes that nobody trusts: `plain` is where control characters, escape
sequences and line breaks of theirs end before they reach a terminal.

It deliberately knows no layout.
"""

import unicodedata

from simkit.language.duration import exact_duration
from simkit.observe.document import Document, ExpectationEntry, FaultEntry, ViolationEntry
from simkit.observe.moment import moment, span
from simkit.report.strips import interval, violations

COLORS = {"pass": "32", "declared": "36", "fail": "1;31", "unknown": "33", "error": "1;31"}
"""The colours of a terminal, by tone."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_WORDS = {"pass": "pass", "fail": "FAIL", "unknown": "unknown", "error": "ERROR"}


def verdict_word(judged: Document | ExpectationEntry) -> str:
    """Return a verdict as one word, loud where something is wrong: what was declared to fail and does, "fails"."""
    return "fails" if tone(judged) == "declared" else _WORDS[judged.verdict]


def ending(document: Document) -> str:
    """Return how a run ended in a word or two: "PASS", or "FAILS as declared"."""
    word = verdict_word(document).upper()
    surprise = document.as_declared == (document.verdict == "pass")
    return word + ("" if surprise else " as declared" if document.as_declared else " not as declared")


def tone(judged: Document | ExpectationEntry) -> str:
    """Return how a verdict is to sound, of `COLORS`: what the file declares is no alarm, what it does not is one."""
    if judged.verdict == "fail" and judged.as_declared:
        return "declared"
    return "fail" if judged.verdict == "pass" and not judged.as_declared else judged.verdict


def own_systems(document: Document) -> str:
    """Return the options of a command line that name the systems of the user's own, each after a space."""
    return "".join(f" --system {plain(system)}" for system in document.systems)


def plain(text: str, limit: int = 2_000) -> str:
    """Return text as one line without control or invisible characters; what is longer than `limit` is cut."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    if cut.isprintable():
        return cut
    return "".join(_visible(each) for each in cut)


def digest_words(digest: str, groups: int = 3) -> str:
    """Return the first hexadecimal digits of a digest in groups of four."""
    return " ".join(digest[place : place + 4] for place in range(0, 4 * groups, 4)).strip()


def title_of(document: Document) -> str:
    """Return the scenario's name with its variant."""
    variant = f" · variant {plain(document.variant)}" if document.variant else ""
    return plain(document.scenario) + variant


def seed_words(document: Document) -> str:
    """Return what decided a run's luck: its seed, and for a branch which one it is and from where on."""
    branch = "" if document.branch is None else f", branch {document.branch} from {span(document.branched_ns or 0)} on"
    return f"{document.seed}{branch}"


def seed_options(document: Document) -> str:
    """Return the options of a command line that bring the same luck again, each after a space."""
    at = exact_duration(document.branched_ns or 0).replace(" ", "")
    branch = "" if document.branch is None else f" --branch-at {at} --branch {document.branch}"
    return f" --seed {document.seed}{branch}"


def absent(document: Document) -> str:
    """Return which faults the swarm left out, in words; "" where there are none."""
    names = ", ".join(plain(name) for name in document.absent)
    return f"{names} (by the swarm, with this seed)" if names else ""


def spared(document: Document) -> str:
    """Return which faults struck nobody, and how often, in words; "" where all did."""
    counts = ", ".join(plain(name) + (f" x{count}" if count > 1 else "") for name, count in document.spared.items())
    return f"{counts} (there was nobody whom it could, or whom the budget let it)" if counts else ""


def faults_before(document: Document, time_ns: int) -> list[FaultEntry]:
    """Return the faults that hold at a moment; where none does, the last one that began before it."""
    active = active_faults(document, time_ns)
    earlier = [fault for fault in document.faults if fault.begin_ns <= time_ns]
    return active or sorted(earlier, key=lambda fault: interval(document, fault)[1])[-1:]


def active_faults(document: Document, time_ns: int) -> list[FaultEntry]:
    """Return the faults that hold or strike at a moment."""
    held = [(fault, interval(document, fault)) for fault in document.faults]
    return [fault for fault, (begin_ns, end_ns) in held if begin_ns <= time_ns < end_ns or begin_ns == time_ns]


def failed(document: Document) -> list[ExpectationEntry]:
    """Return the expectations that did not hold, errors first."""
    rank = {"error": 0, "fail": 1, "unknown": 2}
    found = [each for each in document.expectations if each.verdict in rank]
    return sorted(found, key=lambda each: rank[each.verdict])


def closest(document: Document) -> list[ExpectationEntry]:
    """Return all expectations, what failed first, then what held by the smallest margin."""
    rank = {"error": 0, "fail": 1, "unknown": 2, "pass": 3}

    def order(each: ExpectationEntry) -> tuple[int, float]:
        return rank[each.verdict], 2.0 if each.margin is None else each.margin

    return sorted(document.expectations, key=order)


def sentence(document: Document) -> str:
    """Return the verdict in one sentence: which check, which object, which moment, which fault."""
    if document.verdict == "error" and document.error:
        error = document.error
        where = f"{plain(error.host)} at " if error.host else ""
        return f"The run stopped in error: {where}{moment(error.time_ns)}, {plain(error.text, 200)}."
    if document.verdict == "pass":
        return _held(document)
    broken = failed(document)
    found = violations(document)
    if document.verdict == "fail" and found:
        subject, first = found[0]
        what = f"{plain(subject)} failed: {plain(first.text, 200)} at {moment(first.time_ns)}"
        return f"{what}{_blame(document, first)}{_more(document)}."
    if not broken:
        return f"The run ended as {document.verdict}."
    word = {"fail": "failed", "unknown": "is not known to hold", "error": "could not be judged"}[broken[0].verdict]
    summary = f": {plain(broken[0].summary, 200)}" if broken[0].summary else ""
    return f"{plain(broken[0].subject)} {word}{summary}."


def _held(document: Document) -> str:
    count = len(document.expectations)
    every = {0: "The run ended; nothing was expected of it.", 1: "The one expectation holds."}
    text = every.get(count, f"All {count} expectations hold.")
    nearest = next((each for each in closest(document) if each.margin is not None), None)
    if nearest is None or nearest.margin is None:
        return text
    used = 1 - max(0.0, nearest.margin)
    share = f"{used:.0%}" if used >= 0.01 else "less than 1%"
    return f"{text} Closest to its bound: {plain(nearest.subject)}, which used {share} of it."


def _blame(document: Document, violation: ViolationEntry) -> str:
    told = {step.fault for step in violation.story if step.fault}
    near = [fault for fault in faults_before(document, violation.time_ns) if not told or fault.name in told]
    if not near and told:
        near = [fault for fault in document.faults if fault.name in told and fault.begin_ns <= violation.time_ns][-1:]
    if not near:
        return ""
    fault = near[-1]
    during = "during" if fault in active_faults(document, violation.time_ns) else "after"
    return f", {during} {plain(fault.name)} ({plain(fault.text or fault.fault, 120)})"


def _more(document: Document) -> str:
    others = len([each for each in failed(document) if each.verdict in ("fail", "error")]) - 1
    return f"; {others} more expectation{'s' * (others > 1)} failed" if others > 0 else ""


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
