"""An explanation as HTML: its lines, and the picture that a check has drawn, made safe.

Such a picture is taken apart and put together again from the few elements and attributes of SVG that draw: nothing in
it can run, load or reach out of its frame.

It deliberately knows no check, and gives the same bytes for the same explanation.
"""

from collections.abc import Iterator
from html import escape
from xml.etree import ElementTree

from simkit.observe.explanation import SVG_CHARACTERS_MAX, Explanation
from simkit.report.words import plain

_ELEMENTS = frozenset(
    {
        *("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan"),
        *("title", "desc", "defs", "clipPath", "marker", "use"),
    }
)
_ATTRIBUTES = frozenset(
    {
        *("id", "class", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "d", "points"),
        *("width", "height", "viewBox", "preserveAspectRatio", "transform", "role", "aria-label", "href"),
        *("fill", "fill-opacity", "fill-rule", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray"),
        *("stroke-linecap", "stroke-linejoin", "opacity", "clip-path", "clip-rule"),
        *("font-size", "font-family", "font-weight", "text-anchor", "dominant-baseline"),
        *("marker-start", "marker-mid", "marker-end", "markerWidth", "markerHeight", "refX", "refY", "orient"),
    }
)


def explanation_html(explanation: Explanation, name: str) -> str:
    """Return an explanation as HTML; `name` makes the identifiers of its picture its own."""
    parts = [f"<h3>{escape(plain(explanation.title))}</h3>"] if explanation.title else []
    if explanation.figure:
        parts.append(f"<figure>{drawing_only(explanation.figure, name)}</figure>")
    parts += [f"<p class='mono'>{escape(plain(line))}</p>" for line in explanation.lines]
    if explanation.left_out:
        parts.append(f"<p class='note'>{explanation.left_out:,} more parts were too many or too large.</p>")
    return f'<div class="explanation">{"".join(parts)}</div>' if parts else ""


def drawing_only(svg: str, name: str) -> str:
    """Return an SVG of nothing but shapes and text, identifiers prefixed with `name`; a note for what is no SVG."""
    refused = "<p class='note'>The picture that came with this is no SVG that can be shown.</p>"
    # Entities are how a small file becomes a large one; no drawing needs them.
    if len(svg) > SVG_CHARACTERS_MAX or "<!DOCTYPE" in svg.upper() or "<!ENTITY" in svg.upper():
        return refused
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError:
        return refused
    return "".join(_copied(root, name)) if _local(root.tag) == "svg" else refused


def _copied(element: ElementTree.Element, name: str) -> Iterator[str]:
    tag = _local(element.tag)
    if tag not in _ELEMENTS:
        return
    given = []
    for key, value in element.attrib.items():
        word = _local(key)
        if word not in _ATTRIBUTES or (word == "href" and not value.startswith("#")) or "//" in value:
            continue
        value = f"#{name}-{value[1:]}" if word == "href" else value.replace("url(#", f"url(#{name}-")
        given.append(f' {word}="{escape(f"{name}-{value}" if word == "id" else value)}"')
    yield f"<{tag}{''.join(given)}>{escape(element.text or '')}"
    for child in element:
        yield from _copied(child, name)
        yield escape(child.tail or "")
    yield f"</{tag}>"


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
