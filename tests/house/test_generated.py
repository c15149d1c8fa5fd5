"""The pages that `make docs` writes are the ones that lie in the project.

What they say is tested where it is made; here it only must not be yesterday's.
"""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("page", "option"), [("scenario.schema.json", "--schema"), ("reference.md", "--reference")])
def test_a_generated_page_is_up_to_date(page: str, option: str, project: Path) -> None:
    fresh = subprocess.run(
        [sys.executable, "-m", "simkit", "check", option], capture_output=True, text=True, check=True
    )
    assert (project / "docs" / page).read_text(encoding="utf-8") == fresh.stdout, "`make docs` writes it again"
