"""The sample documents, made once: they are frozen values."""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from simkit.observe.document import Document


def _beside(name: str) -> ModuleType:
    """Import a file of this folder, which is no package, as ``report_NAME``."""
    specification = importlib.util.spec_from_file_location(f"report_{name}", Path(__file__).with_name(f"{name}.py"))
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[f"report_{name}"] = module
    specification.loader.exec_module(module)
    return module


SAMPLES = _beside("samples").SAMPLES
_beside("traces")


@pytest.fixture(scope="session")
def documents() -> Mapping[str, Document]:
    """Run documents by name: passing, failing, broken, crowded."""
    return {name: make() for name, make in SAMPLES.items()}


@pytest.fixture
def passing(documents: Mapping[str, Document]) -> Document:
    return documents["passing"]


@pytest.fixture
def failing(documents: Mapping[str, Document]) -> Document:
    return documents["failing"]


@pytest.fixture
def broken(documents: Mapping[str, Document]) -> Document:
    return documents["broken"]


@pytest.fixture
def crowded(documents: Mapping[str, Document]) -> Document:
    return documents["crowded"]
