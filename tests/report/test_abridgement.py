"""Which steps of a long story are left out."""

from simkit.observe.document import StoryStep
from simkit.report.abridgement import left_out


def deeds(*texts: str) -> list[StoryStep]:
    return [
        StoryStep(time_ns=place, host="a", text=text, fault=text if text.startswith("fault") else None)
        for place, text in enumerate(texts)
    ]


def test_what_fits_is_told_whole() -> None:
    assert left_out(deeds("one", "two", "violation"), 3) == set()
    assert left_out(deeds("one", "two", "three", "violation"), 3) == set()  # a line to say so would take its place


def test_the_middle_goes_and_the_violation_stays() -> None:
    steps = deeds(*map(str, range(20)))
    assert left_out(steps, 9) == set(range(3, 14))


def test_what_was_told_already_goes_first() -> None:
    steps = deeds("0", "1", "2", "3", "4", "beats", "beats", "beats", "8", "9", "10", "violation")
    assert left_out(steps, 10) == {6, 7}


def test_faults_of_the_middle_stay_while_something_else_can_go() -> None:
    steps = deeds("0", "1", "2", "3", "4", "fault x", "6", "7", "8", "9", "10", "violation")
    assert left_out(steps, 9) == {3, 4, 6}
    assert 5 in left_out(steps, 6)


def test_the_last_thing_that_a_host_did_which_the_violation_names_stays() -> None:
    steps = [StoryStep(time_ns=place, host=host, text=str(place)) for place, host in enumerate("aaaaacaabaaaaaaaa")]
    told = [*steps, StoryStep(time_ns=20, host="a", text="a and b both lead")]
    assert left_out(told, 9) == set(range(3, 13)) - {8}
