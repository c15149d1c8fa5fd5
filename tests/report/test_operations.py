"""Pictures of operations: columns keep the order of beginnings and ends, and nothing is wider than it may be."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.observe.document import OperationEntry
from simkit.report.operations import OPERATIONS_SHOWN, TEXT_CHARACTERS, chart, svg_chart, text_chart


def entry(process: str, text: str, begin_ns: int, end_ns: int | None, blamed: bool = False) -> OperationEntry:
    return OperationEntry(process=process, text=text, begin_ns=begin_ns, end_ns=end_ns, blamed=blamed)


STALE = [
    entry("clients-0", "put x 1", 0, 10),
    entry("clients-1", "put x 2", 11, 1_000_000),
    entry("clients-2", "get x -> 1", 12, 13),
    entry("clients-0", "put x 3", 14, None),
    entry("clients-2", "get x -> 1", 1_000_001, 1_000_002, blamed=True),
]


def test_a_picture_of_a_stale_read() -> None:
    assert text_chart(STALE) == [
        "clients-0  |put x 1|                |put x 3 ~ ~",
        "clients-1            |put x 2         |",
        "clients-2              |get x -> 1|     |get x -> 1|  <--",
    ]


def test_the_end_is_kept_when_there_are_too_many() -> None:
    many = [entry("a", f"write {number}", 10 * number, 10 * number + 5) for number in range(40)]
    lines = text_chart(many)
    assert "write 39" in lines[0]
    assert "write 20" not in lines[0]
    assert re.search(r"\(\d\d earlier ones are left out\)", lines[-1])
    assert max(map(len, lines)) < 110


def test_nothing_is_drawn_of_nothing() -> None:
    assert text_chart([]) == []
    assert svg_chart([]) == ""


def test_text_of_a_history_is_no_markup() -> None:
    drawn = svg_chart([entry("<b>", "put <script>", 0, 1, blamed=True)])
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert "var(--fail)" in drawn


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.text("xyz ", max_size=40), st.integers(0, 20), st.none() | st.integers(0, 9)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_columns_keep_the_order_of_time(drawn: list[tuple[str, str, int, int | None]]) -> None:
    operations = [
        entry(process, text, begin, None if length is None else begin + length)
        for process, text, begin, length in drawn
    ]
    laid = chart(operations)
    assert len(laid.bars) + laid.left_out == len(operations)
    assert len(laid.bars) <= OPERATIONS_SHOWN
    shown = sorted(operations, key=lambda each: (each.begin_ns, each.end_ns is None, each.end_ns or 0))[laid.left_out :]
    for bar, operation in zip(laid.bars, shown, strict=True):
        assert len(bar.text) <= TEXT_CHARACTERS
        assert bar.end is None or bar.end > bar.begin + len(bar.text)
        for other, later in zip(laid.bars, shown, strict=True):
            if operation.end_ns is not None and operation.end_ns < later.begin_ns:
                assert bar.end is not None
                assert bar.end < other.begin
            if operation.begin_ns < later.begin_ns:
                assert bar.begin < other.begin
