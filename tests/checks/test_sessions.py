"""Session guarantees: each is broken by one history and kept by the nearest other one."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.checks import Access, MonotonicReads, MonotonicWrites, ReadYourWrites, WritesFollowReads
from simkit.checks.sessions import SessionGuarantee
from simkit.observe.history import Operation

Drawn = Callable[[str], list[Operation]]
EVERY = (ReadYourWrites, MonotonicReads, MonotonicWrites, WritesFollowReads)


def judged(kind: type[SessionGuarantee], operations: list[Operation]) -> SessionGuarantee:
    check = kind()
    for operation in operations:
        check.invoked(operation)
    check.conclude(1000)
    return check


@pytest.mark.parametrize(
    ("kind", "broken", "kept"),
    [
        (ReadYourWrites, "a |put x 1 -> 5|  |get x -> 0 4|", "a |put x 1 -> 5|\nb                   |get x -> 0 4|"),
        (ReadYourWrites, "a |put x 1 -> 5|  |get x -> 0 4|", "a |put x 1 -> 5|  |get x -> 1 5|"),
        (ReadYourWrites, "a |put x 1 -> 5|  |get x|", "a |put x 1 -> 5|  |get y|"),
        (MonotonicReads, "a |get x -> v 2|  |get x -> u 1|", "a |get x -> v 2|  |get x -> v 2|"),
        (MonotonicReads, "a |get x -> v 2|  |get x|", "a |get x -> v 2|  |get x !"),
        (MonotonicWrites, "a |put x 1 -> 5|  |put x 2 -> 5|", "a |put x 1 -> 5|  |put x 2 -> 6|"),
        (WritesFollowReads, "a |get x -> v 7|  |put x 2 -> 7|", "a |get x -> v 7|  |put x 2 -> 8|"),
    ],
)
def test_a_guarantee(drawn: Drawn, kind: type[SessionGuarantee], broken: str, kept: str) -> None:
    assert judged(kind, drawn(broken)).violations_total == 1
    assert judged(kind, drawn(kept)).violations_total == 0


def test_a_violation_shows_both_operations(drawn: Drawn) -> None:
    check = judged(ReadYourWrites, drawn("a |put x 1 -> 5|  |get x -> 0 4|"))
    [violation] = check.violations
    assert violation.text == "a read version 4 of x after it had written version 5"
    assert [(entry.text, entry.blamed) for entry in violation.operations] == [
        ("put x 1 -> 5", False),
        ("get x -> 0 4", True),
    ]
    assert check.summary() == "1 operations of 1 sessions: reads see own writes, 1 times broken"


def test_a_lost_write_promises_nothing(drawn: Drawn) -> None:
    assert judged(ReadYourWrites, drawn("a |put x 1 ~\na                 |get x -> 0 4|")).holds


def test_a_system_says_itself_where_versions_are(drawn: Drawn) -> None:
    class Stamped(MonotonicReads):
        def access(self, operation: Operation) -> Access | None:
            return Access("read", "clock", operation.output) if operation.function == "now" else None

    assert judged(Stamped, drawn("a |now -> 3|  |now -> 2|  |put x 9 -> 1|")).violations_total == 1


SESSIONS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.booleans(), st.integers(1, 4)), max_size=8
)


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=80, deadline=None)
@given(accesses=SESSIONS)
def test_a_guarantee_is_broken_where_some_pair_breaks_it(
    kind: type[SessionGuarantee], accesses: list[tuple[str, str, bool, int]]
) -> None:
    def past(place: int, session: str, key: str, writes: bool, version: int) -> Operation:
        given_: Any = (key, "v") if writes else key
        came: Any = version if writes else ("v", version)
        function = "put" if writes else "get"
        return Operation.past(session, function, given_, came, began=2 * place, ended=2 * place + 1)

    broken = 0
    for place, (session, key, writes, version) in enumerate(accesses):
        if writes != (kind.later == "write"):
            continue
        before = [each[3] for each in accesses[:place] if each[:3] == (session, key, kind.earlier == "write")]
        broken += any(version <= other if writes else version < other for other in before)
    assert judged(kind, [past(place, *each) for place, each in enumerate(accesses)]).violations_total == broken
