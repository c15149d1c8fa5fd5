"""The page: one file that asks for nothing, runs one known script, and shows untrusted text as text."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from simkit.observe.document import Document
from simkit.report.page import opening_moment, page, write_page

VOID = {"meta", "link", "input", "br"}


class Reader(HTMLParser):
    """Collects elements, text and whether every element is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open and self.open[-1] == "script" else self.words).append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def pages(documents: Mapping[str, Document]) -> dict[str, str]:
    return {name: page(document, run_folder=f"runs/{name}") for name, document in documents.items()}


def test_every_element_is_closed_and_no_identifier_comes_twice(pages: dict[str, str]) -> None:
    for html in pages.values():
        found = [attributes["id"] for _, attributes in read(html).elements if "id" in attributes]
        assert len(found) == len(set(found))


def test_the_page_asks_for_nothing(pages: dict[str, str]) -> None:
    for html in pages.values():
        for tag, attributes in read(html).elements:
            assert tag not in {"iframe", "img", "object", "embed", "form"}
            assert "src" not in attributes
            assert (attributes.get("href") or "data:,").startswith(("data:", "#"))
        style = html[html.index("<style>") : html.index("</style>")]
        assert "url(" not in style
        assert "@import" not in style


def test_the_policy_lets_only_the_pages_own_script_run(pages: dict[str, str]) -> None:
    for html in pages.values():
        *_, script = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
        assert not any(name.startswith("on") for _, attributes in read(html).elements for name in attributes)


def test_untrusted_text_is_text(pages: dict[str, str]) -> None:
    for name in ("crowded", "failing"):
        reader = read(pages[name])
        assert len([tag for tag, _ in reader.elements if tag == "script"]) == 2
        assert "\x1b" not in pages[name]
    assert 'a<b>&"c\\x1b[31m' in "".join(read(pages["crowded"]).words)
    data = json.loads(read(pages["failing"]).scripts[0])
    assert any("<script>alert" in row[4] for row in data["logs"])


def test_values_that_look_like_places_of_the_template_stay_as_they_are(passing: Document) -> None:
    html = page(msgspec.structs.replace(passing, scenario="{{data}} \\1"), figures=())
    assert '<span class="name">{{data}} \\1</span>' in html


def test_the_same_document_gives_the_same_page(failing: Document, pages: dict[str, str]) -> None:
    assert page(failing, run_folder="runs/failing") == pages["failing"]


def test_the_first_screen_of_a_failure_says_what_happened(pages: dict[str, str]) -> None:
    first = pages["failing"].partition('<section class="below"')[0]
    words = " ".join("".join(read(first + "</main></body></html>").words).split())
    for part in (
        "effect_once failed: task 3f2a took effect twice at 06:30.311",
        "How effect_once came to fail",
        "04:58.207 workers-1 lease 3f2a, attempt 1",
        "fault gc pause workers-1, workers-4 for 90 s my.yaml:14".replace(" ", ""),
        "queue.depth on broker",
        "Run it again: simkit run runs/failing",
    ):
        assert part.replace(" ", "") in words.replace(" ", "")
    assert first.count('class="tick"') == 2 * 6  # a red tick for each moment, in the strip and in the metric
    assert first.count('class="alarm"') == 6


def test_each_story_line_is_a_jump(pages: dict[str, str]) -> None:
    story = pages["failing"].partition("<ol class='steps'>")[2].partition("</ol>")[0]
    assert re.findall(r'data-t="(\d+)"', story) == [
        "298207000000",
        "300000000000",
        "359000000000",
        "361442000000",
        "390311000000",
    ]


def test_a_passing_page_has_the_closest_margin_first(pages: dict[str, str]) -> None:
    margins = pages["passing"].partition('<ul class="margins">')[2].partition("</ul>")[0]
    assert re.findall(r'class="what">([\w. ]+)', margins)[:2] == [
        "task.latency p99 ",
        "eventually queue_drained within 2min",
    ]


def test_a_page_opens_where_something_happened(documents: Mapping[str, Document]) -> None:
    found = {name: opening_moment(document) for name, document in documents.items()}
    assert found["failing"] == 390_311_000_000
    assert found["broken"] == 608_004_000_000
    assert found["crowded"] == 0
    assert found["passing"] == 388_200_000_000  # where the queue was deepest


def test_another_run_is_grey_behind_the_metric(failing: Document, passing: Document) -> None:
    fixed = msgspec.structs.replace(passing, scenario="my", variant="fixed")
    html = page(failing, behind=fixed, figures=())
    assert 'class="behind"' in html
    assert "grey: variant fixed" in html


def test_a_run_of_nothing_has_a_page_too(tmp_path: Path) -> None:
    document = Document(scenario="empty", seed=0, duration_ns=0, verdict="pass")
    write_page(document, tmp_path / "report.html")
    assert "nothing was expected of it" in (tmp_path / "report.html").read_text(encoding="utf-8")


def browse(path: Path, fragment: str, *options: str) -> tuple[str, str]:
    """Open a page in a browser; return what it shows and what its console says."""
    browser = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no browser is installed")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    command += [f"--user-data-dir={path.parent / 'profile'}", "--enable-logging=stderr", *options]
    done = subprocess.run([*command, f"{path.as_uri()}{fragment}"], capture_output=True, text=True, timeout=60)
    said = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return done.stdout, said


@pytest.mark.browser
def test_the_address_opens_the_page_at_a_moment(pages: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(pages["failing"], encoding="utf-8")
    shown, said = browse(tmp_path / "report.html", "#t=345.5")
    assert said == ""
    assert '<output id="moment" for="time">05:45.500</output>' in shown
    assert "3 of 6 workers up" in shown
    assert "&lt;script&gt;alert('a log line is not markup')&lt;/script&gt;" in shown


@pytest.mark.browser
def test_an_address_that_says_nothing_opens_the_page_where_it_happened(pages: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(pages["crowded"], encoding="utf-8")
    shown, said = browse(tmp_path / "report.html", "#t=nonsense")
    assert said == ""
    assert '<output id="moment" for="time">00:00.000</output>' in shown
    assert "60 of 60 stores up" in shown
