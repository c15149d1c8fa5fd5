"""Probes are imported by name in workers; here only what is said about them is looked at."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.kernel.worker import Worker

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def interpreters() -> Iterator[tuple[Worker, Worker]]:
    """Two warm interpreters whose heaps differ; every probe leaves in them what it leaves."""
    paths = (str(HERE), str(HERE.parent / "explore"))
    with Worker(paths) as one, Worker(paths) as other:
        assert other.call("noise:litter", amount=30_000) > 0
        yield one, other
