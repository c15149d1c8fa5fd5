"""Makes the tests' own ranges importable: plain classes, which fixtures would only hide."""

import importlib.util
import sys
from pathlib import Path


def _load(name: str, path: Path) -> None:
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)


_load("local_ranges", Path(__file__).with_name("local_ranges.py"))
_load("store_site", Path(__file__).with_name("store_site.py"))
_load("cluster_site", Path(__file__).with_name("cluster_site.py"))
