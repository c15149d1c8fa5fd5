"""Makes the tests' database in memory and its sessions importable."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest


def _load(name: str) -> Any:
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


_memory_database = _load("memory_database")
_sql_client = _load("sql_client")


@pytest.fixture
def database() -> Any:
    return _memory_database.MemoryDatabase()


@pytest.fixture
def sql(database: Any) -> Any:
    return _sql_client.Client(database)
