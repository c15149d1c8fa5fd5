"""Figures: the same document gives the same bytes, and colours follow the page."""

import re
from xml.etree import ElementTree

import matplotlib
import msgspec

from simkit.observe.document import Document
from simkit.report.figures import FIGURES_MAX, drawings


def test_there_is_one_figure_for_each_metric(failing: Document) -> None:
    assert [drawing.name for drawing in drawings(failing)] == [
        "lease.held",
        "queue.depth",
        "task.done",
        "task.latency",
    ]


def test_the_same_document_gives_the_same_bytes_and_settings_are_left_alone(failing: Document) -> None:
    before = dict(matplotlib.rcParams)
    assert drawings(failing) == drawings(failing)
    assert dict(matplotlib.rcParams) == before


def test_a_figure_is_well_formed_with_roles_for_colours_and_identifiers_of_its_own(failing: Document) -> None:
    identifiers: list[str] = []
    for drawing in drawings(failing):
        ElementTree.fromstring(drawing.svg)
        identifiers += re.findall(r'\bid="([^"]+)"', drawing.svg)
        outside_roles = re.sub(r"var\(--[\w-]+, #[0-9a-f]{6}\)", "", drawing.svg)
        assert re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", outside_roles) == []
        assert "var(--fault-1" in drawing.svg
        references = re.findall(r'(?:href="|url\()#([^")]+)', drawing.svg)
        assert set(references) <= set(identifiers)
    assert len(identifiers) == len(set(identifiers))


def test_a_run_to_compare_with_is_grey_behind(failing: Document, passing: Document) -> None:
    assert all("var(--behind" in drawing.svg for drawing in drawings(failing, passing))
    assert not any("var(--behind" in drawing.svg for drawing in drawings(failing))


def test_names_are_text_and_never_markup_or_mathematics(failing: Document) -> None:
    metric = msgspec.structs.replace(failing.metrics[0], name="<b>$x_1$", unit="$$")
    [drawing] = drawings(msgspec.structs.replace(failing, metrics=(metric,)))
    assert "&lt;b&gt;$x_1$" in drawing.svg
    assert "<b>" not in drawing.svg


def test_a_run_without_values_and_a_run_with_too_many_metrics_are_drawn(failing: Document) -> None:
    metric = failing.metrics[0]
    none = msgspec.structs.replace(metric, mean=(None,) * len(metric.times_ns))
    assert len(drawings(msgspec.structs.replace(failing, metrics=(none,)))) == 1
    many = tuple(
        msgspec.structs.replace(none, name=f"m{number:02}", times_ns=(0,), mean=(1.0,)) for number in range(20)
    )
    assert len(drawings(msgspec.structs.replace(failing, metrics=many, faults=()))) == FIGURES_MAX


def test_a_fault_is_named_where_there_is_room_and_the_other_run_once(failing: Document, passing: Document) -> None:
    [gc] = [fault for fault in failing.faults if fault.name == "gc"]
    alone = msgspec.structs.replace(failing, faults=(gc,))
    assert all(">gc</text>" in drawing.svg for drawing in drawings(alone))
    later = range(0, 12 * 24 * 10**9, 24 * 10**9)
    many = tuple(
        msgspec.structs.replace(gc, begin_ns=gc.begin_ns + ns, end_ns=gc.begin_ns + ns + 10**9) for ns in later
    )
    crowded = msgspec.structs.replace(failing, faults=many)
    assert not any(">gc</text>" in drawing.svg for drawing in drawings(crowded))
    [latency] = [drawing for drawing in drawings(failing, passing) if drawing.name == "task.latency"]
    assert latency.svg.count(">the other run</text>") == 1
