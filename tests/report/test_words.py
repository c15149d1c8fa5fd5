"""The sentence that says how a run ended, and text that cannot harm who reads it."""

import msgspec
import pytest

from simkit.observe.document import Document
from simkit.report.words import closest, digest_words, plain, sentence


def test_a_failure_is_one_sentence_with_check_object_moment_and_fault(failing: Document) -> None:
    assert sentence(failing) == (
        "effect_once failed: task 3f2a took effect twice at 06:30.311, after gc (pause workers-1, workers-4 for 90 s)."
    )


def test_a_run_that_passes_names_its_closest_margin(passing: Document) -> None:
    assert sentence(passing) == (
        "All 5 expectations hold. Closest to its bound: task.latency p99 < 2s in steady, which used 66% of it."
    )


def test_a_bound_that_is_hardly_used_is_told_so(passing: Document) -> None:
    entries = [msgspec.structs.replace(each, margin=each.margin and 1.0) for each in passing.expectations]
    document = msgspec.structs.replace(passing, expectations=tuple(entries))
    assert sentence(document).endswith(", which used less than 1% of it.")


def test_an_error_names_host_moment_and_exception(broken: Document) -> None:
    assert sentence(broken) == (
        "The run stopped in error: broker at 10:08.004, ValueError: frame 4,112 ends after 17 of 48 bytes."
    )


def test_an_unknown_says_what_is_not_known(crowded: Document) -> None:
    assert sentence(crowded).endswith("is not known to hold: 0 times.")


def test_two_failures_are_counted(failing: Document) -> None:
    first, *rest = failing.expectations
    document = msgspec.structs.replace(failing, expectations=(msgspec.structs.replace(first, verdict="fail"), *rest))
    assert sentence(document).endswith("; 1 more expectation failed.")


def test_what_failed_comes_first_then_the_closest(failing: Document) -> None:
    assert [each.subject for each in closest(failing)][:3] == [
        "effect_once",
        "task.latency p99 < 2s in steady",
        "queue_drained within 2min",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines", "two lines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("right\u202eleft", "right\\u202eleft"),
        ("Ω and 漢", "Ω and 漢"),
        ("x" * 3_000, "x" * 2_000 + "..."),
    ],
)
def test_text_of_a_run_is_one_harmless_line(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_digest_is_read_in_groups_of_four() -> None:
    assert digest_words("9c41e07a55d211d0") == "9c41 e07a 55d2"
    assert digest_words("") == ""
