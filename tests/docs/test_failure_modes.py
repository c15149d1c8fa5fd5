"""What pages about failures and courses tell people to type exists: scenarios, variants, lessons, pictures."""

import re
from pathlib import Path

import pytest

from simkit.language.library import Library
from simkit.language.scenario import load_scenario
from simkit.registry import Registry
from simkit.teaching.lesson import lessons

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted((DOCS / "failure-modes").glob("*.md")), DOCS / "guides" / "teach-a-course.md"]
LESSONS = [lesson.folder / "page.md" for lesson in lessons().values()]
RUN = re.compile(r"simkit run ([a-z0-9_]+/[a-z0-9_/]+)(?: --variant (\w+))?")


@pytest.mark.parametrize("page", [*PAGES, *LESSONS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_a_page_tells_to_run_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, variant in RUN.findall(text):
        assert Library().find(name), name
        load_scenario(name, variant=variant or None, registry=Registry())
    assert set(re.findall(r"simkit lesson ([a-z_]+)", text)) <= set(lessons())
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
