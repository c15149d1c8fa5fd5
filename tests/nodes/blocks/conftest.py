"""Makes the tests' own hosts importable: plain classes, which fixtures would only hide."""

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


_load("redis_hosts", Path(__file__).with_name("redis_hosts.py"))
_load("storage_machine", Path(__file__).with_name("storage_machine.py"))
_load("raft_cluster", Path(__file__).with_name("raft_cluster.py"))
_load("lsm_model", Path(__file__).with_name("lsm_model.py"))
