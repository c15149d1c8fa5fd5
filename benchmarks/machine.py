"""What a reader has to know of the machine that measured: processor, cores, Python, load. No names, no paths."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PEERS = ("simpy", "salabim", "greenlet", "ciw", "looptime", "simloop", "simloom", "uvloop")


def facts() -> dict[str, Any]:
    """Return the facts, the load as it is now."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: found for name in PEERS if (found := _version(name)) is not None},
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def python_name() -> str:
    """Return the name of this Python's place in the results, for example ``cpython-3.11``."""
    return f"{platform.python_implementation().lower()}-{'.'.join(platform.python_version_tuple()[:2])}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
