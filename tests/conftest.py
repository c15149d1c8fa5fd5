"""Makes what several rooms share importable: `browser`, `smaller_scenarios`; lets Hypothesis draw the same each time.

A change lands or not for what it changes, not for luck; `OPTIONS=--hypothesis-profile=default` goes and looks for more.
"""

import sys
from pathlib import Path

import hypothesis
import pytest

sys.path.append(str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hypothesis-profile", None) is None:
        hypothesis.settings.load_profile("ci")
