"""Modules are imported outside of every host, also when a host's code is the first to ask for one.

All hosts of an interpreter share a module, and the next run finds it imported: so what its top level does is nobody's
in particular. It may read files and write byte code, its clock is the real one, and it takes nothing from a host's
entropy.

It deliberately makes nothing of that deterministic: a module that keeps a random number at import has another one in
every interpreter, which `simkit run FILE --twice` shows where it matters.
"""

import sys
from typing import Any

from simkit.kernel.fence.whereabouts import step_in, step_out


def install() -> None:
    """Step outside around every import that finds or executes a module."""
    # `importlib` looks this function up by its name at every import that is not answered by `sys.modules`.
    machinery: Any = sys.modules["_frozen_importlib"]
    real = machinery._find_and_load

    def find_and_load(*arguments: Any) -> Any:
        counted = step_out()
        try:
            return real(*arguments)
        finally:
            step_in(counted)

    machinery._find_and_load = find_and_load
