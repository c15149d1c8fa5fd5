"""Several seeds: what one of them reached is reached, and nothing else is forgiven."""

from simkit.explore.campaign import exit_code
from simkit.explore.settled import settled
from simkit.observe.document import Document, ErrorEntry, ExpectationEntry


def sometimes(seen, text="sometimes task.redelivered"):
    verdict, subject = "pass" if seen else "unknown", text.partition(" ")[2]
    return ExpectationEntry(text=text, kind="sometimes", subject=subject, verdict=verdict, as_declared=seen)


def run(seed, *expectations, **more):
    worst = max((each.verdict for each in expectations), key=["pass", "unknown", "fail"].index)
    declared = all(each.as_declared for each in expectations)
    options = {"verdict": worst, "as_declared": declared, **more}
    return Document(scenario="x", seed=seed, duration_ns=10, expectations=expectations, **options)


FAILED = ExpectationEntry(text="always a", kind="always", subject="a", verdict="fail", as_declared=False)
HELD = ExpectationEntry(text="always a", kind="always", subject="a", verdict="pass")


def test_one_seed_reaches_it_for_all():
    documents = [run(1, HELD, sometimes(False)), run(2, HELD, sometimes(True)), run(3, HELD, sometimes(False))]
    assert exit_code(documents) == 3
    found = settled(documents)
    assert [document.verdict for document in found] == ["pass"] * 3
    assert exit_code(found) == 0
    assert found[0].expectations[1].summary == "not in this run; reached with seed 2"
    assert found[1] == documents[1]


def test_what_no_seed_reaches_stays_open():
    documents = [run(1, sometimes(False)), run(2, sometimes(False))]
    assert settled(documents) == documents
    assert exit_code(documents) == 3


def test_other_expectations_are_not_forgiven():
    found = settled([run(1, FAILED, sometimes(False)), run(2, HELD, sometimes(True))])
    assert [(document.verdict, document.as_declared) for document in found] == [("fail", False), ("pass", True)]


def test_another_variant_another_event_and_another_setting_are_other_matters():
    for other in ({"variant": "v"}, {"changes": ("a=1",)}):
        found = settled([run(1, sometimes(False)), run(2, sometimes(True), **other)])
        assert found[0].verdict == "unknown"
    assert settled([run(1, sometimes(False)), run(2, sometimes(True, "sometimes b"))])[0].verdict == "unknown"


def test_a_run_that_did_not_come_to_its_end_stays_what_it_is():
    broken = run(1, sometimes(False), verdict="error", error=ErrorEntry(text="x"), as_declared=False)
    found = settled([broken, run(2, sometimes(True))])
    assert (found[0].verdict, found[0].as_declared) == ("error", False)
    found = settled([run(1, sometimes(False), ended_ns=5, as_declared=False), run(2, sometimes(True))])
    assert (found[0].verdict, found[0].as_declared) == ("unknown", False)
