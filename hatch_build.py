"""Compiles simkit's C modules while it is installed, if a C compiler is there.

The sources stand in `pyproject.toml`; each becomes a module beside its source, also in an editable installation. Where
there is no compiler, or it fails, simkit installs as a pure Python package and says so in `simkit --version`; with
`SIMKIT_PURE_PYTHON=1` in the environment nothing is tried.

It deliberately is not setuptools: one source file each, which may include others beside it, no libraries, and flags
that do not depend on the machine.
"""

import os
import runpy
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Floating point is the same on every processor: no fused operations, no reordering.
FLAGS = ("-O3", "-fPIC", "-fno-strict-aliasing", "-ffp-contract=off", "-Wall")
PURE_PYTHON = "SIMKIT_PURE_PYTHON"
DIGEST = Path("simkit", "kernel", "core", "sources.py")


class CompiledModules(BuildHookInterface):
    """Hatchling's custom build hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every source; `version` is the kind of installation, ``editable`` or ``standard``."""
        if os.environ.get(PURE_PYTHON):
            return
        digest_of_sources = runpy.run_path(str(Path(self.root, DIGEST)))["digest_of_sources"]
        for source in self.config["sources"]:
            path = Path(self.root, source)
            built = compiled(path, digest_of_sources(path.parent), self.app)
            if built is None:
                continue
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["force_include"][str(built)] = str(Path(source).with_name(built.name))


def compiled(source: Path, digest: str, app: Any) -> Path | None:
    """Compile one module with the digest of its sources; return its file, or None where that does not work."""
    built = source.with_name(source.stem + sysconfig.get_config_var("EXT_SUFFIX"))
    unfinished = built.with_name(f"{built.name}.{os.getpid()}")
    link = shlex.split(os.environ.get("LDSHARED") or sysconfig.get_config_var("LDSHARED") or "cc -shared")
    include = f"-I{sysconfig.get_path('include')}"
    sources = f'-DSOURCES="{digest}"'
    command = [*link, *FLAGS, sources, include, str(source), "-o", str(unfinished)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as problem:
        app.display_warning(f"{source.name} is left out, there is no C compiler: {problem}")
        return None
    if done.returncode != 0:
        app.display_warning(f"{source.name} is left out, it does not compile here:\n{done.stderr}")
        unfinished.unlink(missing_ok=True)
        return None
    # A module that is in use by a running interpreter is replaced, not overwritten.
    unfinished.replace(built)
    return built
