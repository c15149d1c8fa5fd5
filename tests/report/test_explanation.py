"""Explanations: their lines are text, and nothing in a picture of theirs can run or load."""

from html.parser import HTMLParser

import pytest

from simkit.observe.explanation import LINES_MAX, SVG_CHARACTERS_MAX, Explanation
from simkit.report.explanation_picture import drawing_only, explanation_html


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attributes)))

    Reader().feed(html)
    return found


def test_lines_are_text_and_the_rest_is_counted() -> None:
    many = Explanation(title="logs <of> replicas", lines=tuple(f"replica {n}: <b>x</b>" for n in range(LINES_MAX + 3)))
    html = explanation_html(many.bounded(), "e0")
    assert "logs &lt;of&gt; replicas" in html
    assert html.count("replica ") == LINES_MAX
    assert "<b>" not in html
    assert "3 more parts" in html


def test_a_picture_that_is_too_large_is_left_out() -> None:
    kept = Explanation(lines=("why",), figure=f"<svg>{' ' * SVG_CHARACTERS_MAX}</svg>").bounded()
    assert (kept.figure, kept.left_out, kept.lines) == ("", 1, ("why",))


def test_an_explanation_of_nothing_is_nothing() -> None:
    assert not Explanation(title="only a title")
    assert explanation_html(Explanation(), "e3") == ""
    assert Explanation(lines=("why",))


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><path d="M0 0"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0" onclick="alert(1)" style="color:red"/></svg>',
        '<svg><image href="http://example.org/x.png"/><use href="http://example.org/x.svg#a"/></svg>',
        "<svg><style>body{display:none}</style><foreignObject><p>x</p></foreignObject></svg>",
        '<svg><rect fill="url(http://example.org/x)"/></svg>',
    ],
)
def test_a_picture_keeps_only_what_draws(svg: str) -> None:
    html = drawing_only(svg, "e4")
    for tag, attributes in tags(html):
        assert tag in {"svg", "path", "use", "rect"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert "alert" not in html
    assert "example.org" not in html
    assert "display" not in html


def test_identifiers_of_a_picture_become_its_own() -> None:
    svg = '<svg><defs><clipPath id="a"><rect/></clipPath></defs><g clip-path="url(#a)"/><use href="#a"/></svg>'
    html = drawing_only(svg, "e5")
    assert 'id="e5-a"' in html
    assert 'clip-path="url(#e5-a)"' in html
    assert 'href="#e5-a"' in html


@pytest.mark.parametrize("text", ["", "<svg", "<p>no picture</p>", '<!DOCTYPE a [<!ENTITY b "c">]><svg>&b;</svg>'])
def test_what_is_no_picture_is_a_note(text: str) -> None:
    assert "no SVG that can be shown" in drawing_only(text, "e6")
