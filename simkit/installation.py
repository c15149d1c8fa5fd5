"""The installation: which version this is, where its scenario files lie, and whether its files are its own.

The distribution is called ``simkit-dst``; the plain name belongs to another project on the Python Package Index, whose
files go into the same folder ``simkit``. Installed together, one overwrites the other without a word from pip;
``clash`` finds that out and says what to do.

It deliberately does not search for systems or faults (entry points do that) and repairs nothing.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from types import ModuleType

DISTRIBUTION = "simkit-dst"
OTHER_PROJECT = "simkit"
REMEDY = f"pip uninstall -y {OTHER_PROJECT} {DISTRIBUTION}, then install {DISTRIBUTION} again"

_PACKAGE = Path(__file__).parent


class NameClash(ImportError):
    """Another distribution's files lie where simkit's should."""


def version() -> str:
    """Return the version of the installed distribution, or ``"unknown"`` when simkit runs from a bare folder."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


def scenario_folder() -> Path:
    """Return the folder of the scenario library: beside the package, as installed or as in a checkout."""
    installed = _PACKAGE.parent / "simkit_scenarios"
    return installed if installed.is_dir() else _PACKAGE.parent / "scenarios"


def clash(package: ModuleType) -> str | None:
    """Return one line that says whose files shadow ours and what to do, or None when all is well.

    ``package`` is the imported module ``simkit``. Three traces are looked for: its ``__init__.py`` lies elsewhere, is
    gone (the other project was uninstalled and took it along), or is owned by the other project's distribution.
    """
    origin = package.__file__
    if origin is None:
        return f"simkit is damaged: its __init__.py is gone, as after uninstalling another {OTHER_PROJECT!r}; {REMEDY}"
    if Path(origin).parent != _PACKAGE:
        return f"`import simkit` finds another project in {Path(origin).parent}; {REMEDY}"
    try:
        other = metadata.distribution(OTHER_PROJECT)
    except metadata.PackageNotFoundError:
        return None
    if not any(Path(str(other.locate_file(file))).parent == _PACKAGE for file in other.files or ()):
        return None
    return f"{OTHER_PROJECT} {other.version} is another project and has overwritten files of simkit; {REMEDY}"


def refuse_clash() -> None:
    """Raise :class:`NameClash` when another distribution's files shadow simkit's; otherwise return at once."""
    import simkit

    found = clash(simkit)
    if found is not None:
        raise NameClash(found)
