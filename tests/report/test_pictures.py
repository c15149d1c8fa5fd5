"""Figures of a system's own: bounded, drawn in the page's colours, the same bytes for the same picture."""

import re
from xml.etree import ElementTree

import msgspec

from simkit.observe.document import Document
from simkit.observe.picture import SPANS_MAX, Curve, Lane, Picture, Span
from simkit.report.page import page
from simkit.report.pictures import draw_picture, pictures_of

S = 1_000_000_000
LANES = Picture(
    name="gantt",
    title="Who held <what>",
    over_time=True,
    window_ns=(290 * S, 400 * S),
    lanes=(
        Lane(
            label="workers-1",
            host="workers-1",
            spans=(
                Span(parts=((295 * S, 360 * S, "first"), (360 * S, 390 * S, "alarm")), dots=((390 * S, "alarm"),)),
                Span(parts=((300 * S, 310 * S, "second"),), dots=((310 * S, "first"),)),
            ),
        ),
        Lane(label="workers-2", host="workers-2"),
    ),
    tones={"first": "in time", "alarm": "late"},
    note="A cross is too many.",
)
CURVES = Picture(
    name="tail",
    title="Longer than",
    logarithmic="y",
    curves=(
        Curve(label="this run", x=(0.0, 1.0, 2.0), y=(1.0, 0.1, None), style="steps"),
        Curve(label="law", x=(0.0, 2.0), y=(1.0, 0.01), tone="faint"),
    ),
)
BARS = Picture(name="attempts", title="Attempts", bars=(("1", 20.0), ("2", 3.0)))


def with_pictures(document: Document) -> Document:
    return msgspec.structs.replace(document, pictures=(LANES, CURVES, BARS))


def test_every_form_is_drawn_with_roles_for_colours_and_the_same_bytes_again(failing: Document) -> None:
    document = with_pictures(failing)
    drawn = pictures_of(document)
    assert drawn == pictures_of(document)
    identifiers: list[str] = []
    for each in drawn:
        ElementTree.fromstring(each.svg)
        identifiers += re.findall(r'\bid="([^"]+)"', each.svg)
        outside_roles = re.sub(r"var\(--[\w-]+, #[0-9a-f]{6}\)", "", each.svg)
        assert re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", outside_roles) == []
    assert len(identifiers) == len(set(identifiers))
    lanes, curves, bars = (each.svg for each in drawn)
    assert "var(--paused" in lanes  # workers-1 stood still within the window
    assert "&lt;what&gt;" in lanes
    assert ">late</text>" in lanes
    assert "stroke-dasharray" in curves
    assert ">20</text>" in bars


def test_a_window_shows_the_faults_in_it_and_no_others(failing: Document) -> None:
    alone = msgspec.structs.replace(failing, faults=tuple(one for one in failing.faults if one.name != "losses"))
    assert {"gc", "split"} <= {one.name for one in alone.faults}
    assert ">gc</text>" in draw_picture(alone, LANES).svg
    assert ">split</text>" not in draw_picture(alone, LANES).svg


def test_the_page_shows_them_before_the_figures_of_the_metrics(failing: Document) -> None:
    text = page(with_pictures(failing))
    assert text.index("Figures of the system") < text.index("<h2>Figures</h2>")
    assert "A cross is too many." in text
    assert "Figures of the system" not in page(failing)


def test_a_picture_keeps_its_limits_and_says_what_it_left_out() -> None:
    span = Span(parts=((0, 1, "first"),))
    crowded = Picture(
        name="crowded",
        title="",
        lanes=tuple(Lane(label=str(number), spans=(span,) * 100) for number in range(60)),
        curves=(Curve(label="long", x=tuple(map(float, range(5_000))), y=(0.0,) * 5_000),),
    ).bounded()
    assert sum(len(lane.spans) for lane in crowded.lanes) == SPANS_MAX
    assert len(crowded.lanes) == 40
    assert crowded.left_out == 3_000 + 20 + (40 * 100 - SPANS_MAX)
    assert crowded.bounded() == crowded


def test_a_document_with_pictures_is_read_back(failing: Document) -> None:
    document = with_pictures(failing)
    assert msgspec.json.decode(document.to_json(), type=Document) == document


def test_a_span_of_which_hardly_anything_is_seen_has_no_name_beside_the_picture(failing: Document) -> None:
    spans = (
        Span(parts=((200 * S, 292 * S, "first"),), text="earlier"),
        Span(parts=((300 * S, 390 * S, "first"),), text="inside"),
    )
    picture = msgspec.structs.replace(LANES, lanes=(Lane(label="workers-1", host="workers-1", spans=spans),))
    [drawing] = pictures_of(msgspec.structs.replace(failing, pictures=(picture,)))
    assert "inside" in drawing.svg
    assert "earlier" not in drawing.svg
