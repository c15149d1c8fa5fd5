"""The verdicts of a run as a JUnit file, which every build server can show.

One test case for each expectation. What failed as declared has passed: a build server asks whether the scenario came
out as its file says.

It deliberately carries no figures; they stand in the run document.
"""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from simkit.observe.document import Document


def junit_xml(document: Document) -> str:
    """Return the JUnit XML of a run."""
    name = document.scenario + (f" ({document.variant})" if document.variant else "")
    cases = [(each.text, each.as_declared, each.verdict, each.summary) for each in document.expectations]
    failures = sum(not declared and verdict == "fail" for _, declared, verdict, _ in cases)
    crashed = sum(not declared and verdict == "error" for _, declared, verdict, _ in cases)
    errors = crashed + (document.error is not None)
    suite = Element(
        "testsuite",
        name=_clean(name),
        tests=str(len(cases) + (document.error is not None)),
        failures=str(failures),
        errors=str(errors),
        skipped=str(sum(not declared and verdict == "unknown" for _, declared, verdict, _ in cases)),
        time=f"{document.wall_seconds:.3f}",
    )
    for text, declared, verdict, summary in cases:
        case = SubElement(suite, "testcase", classname=_clean(document.scenario), name=_clean(text))
        if not declared:
            word = {"fail": "failure", "error": "error", "pass": "failure"}.get(verdict, "skipped")
            SubElement(case, word, message=_clean(summary))
    if document.error is not None:
        case = SubElement(suite, "testcase", classname=_clean(document.scenario), name="the run itself")
        SubElement(case, "error", message=_clean(document.error.text)).text = _clean(document.error.traceback)
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """Drop what XML 1.0 cannot hold: control characters of untrusted names and logs."""
    return "".join(character for character in text if character >= " " or character in "\t\n")
