"""The files that pages are made of, and the head that all have: nothing is requested, and only their own script runs.

It deliberately is no template language: a value is text that is put in one place, once.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files


@cache
def template(name: str) -> str:
    """Return the text of one of the files that pages are made of."""
    return files("simkit.report").joinpath(name).read_text(encoding="utf-8")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into the template in one pass, so that nothing within a value is ever taken for a place."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place.group(1)], text)


def head(title: str, styles: Sequence[str], script: str = "") -> str:
    """Return the head of a page.

    Args:
        title: escaped.
        styles: names of the parts of its style, in order.
        script: the only one that may run; none when empty.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values = {
        "title": title,
        "style": "".join(template(f"style/{name}.css") for name in styles),
        "scripts": f"; script-src 'sha256-{digest}'" if script else "",
    }
    return fill(template("head.html"), values)
