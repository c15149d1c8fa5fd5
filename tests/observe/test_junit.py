"""The JUnit file: what came out as declared has passed."""

from xml.etree import ElementTree

from simkit.observe.document import Document, ErrorEntry, ExpectationEntry
from simkit.observe.junit import junit_xml


def test_each_expectation_is_a_case_and_a_declared_failure_passes() -> None:
    expectations = (
        ExpectationEntry(text="always a", kind="always", subject="a", verdict="pass"),
        ExpectationEntry(text="fails b", kind="fails", subject="b", verdict="fail", declared="fails"),
        ExpectationEntry(text="always c", kind="always", subject="c", verdict="fail", as_declared=False, summary="<3>"),
        ExpectationEntry(text="sometimes d", kind="sometimes", subject="d", verdict="unknown", as_declared=False),
    )
    document = Document(scenario="x/y", seed=1, duration_ns=1, verdict="fail", expectations=expectations)
    suite = ElementTree.fromstring(junit_xml(document).encode())
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "x/y",
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert [[child.tag for child in case] for case in suite] == [[], [], ["failure"], ["skipped"]]


def test_an_error_of_the_run_is_a_case_of_its_own_and_control_characters_go() -> None:
    error = ErrorEntry(text="broke\x1b[31m", traceback="Traceback\n  line")
    document = Document(scenario="x", seed=1, duration_ns=1, verdict="error", error=error, variant="v")
    suite = ElementTree.fromstring(junit_xml(document).encode())
    assert suite.get("name") == "x (v)"
    found = suite.find("testcase/error")
    assert found is not None
    assert found.get("message") == "broke[31m"
    assert found.text == "Traceback\n  line"
