"""Makes the histories, the toy stores and the oracles of these tests importable: plain functions and classes."""

import importlib.util
import sys
from pathlib import Path


def _load(name: str) -> None:
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)


for each in ("isolation_histories", "isolation_stores", "isolation_oracles"):
    _load(each)
