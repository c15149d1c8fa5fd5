"""Segments: equal buckets, cut where faults begin and end."""

from simkit.observe import segments as segments_module
from simkit.observe.segments import Segments


def test_segments_open_as_time_passes_and_at_marks() -> None:
    segments = Segments(100, cuts_ns=(15,), buckets=4)
    segments.advance(30)
    segments.mark(33)
    segments.mark(33)
    segments.advance(60)
    assert segments.starts_ns == [0, 15, 25, 33, 50]
    assert [segments.of(time) for time in (0, 14, 15, 32, 33, 99)] == [0, 0, 1, 2, 3, 4]


def test_what_lies_after_the_end_belongs_to_the_last_bucket() -> None:
    segments = Segments(100, buckets=4)
    segments.advance(1_000)
    assert segments.starts_ns == [0, 25, 50, 75]
    assert [segments.bucket(time) for time in (0, 24, 25, 99, 100, 5_000)] == [0, 0, 1, 3, 3, 3]


def test_marks_beyond_the_limit_are_counted(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(segments_module, "MARKS_MAX", 2)
    segments = Segments(100, buckets=1)
    for time in (1, 2, 3, 4):
        segments.mark(time)
    assert (segments.starts_ns, segments.marks_left_out) == ([0, 1, 2], 2)
