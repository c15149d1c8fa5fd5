"""`simkit new system NAME`: a small system that runs, with everything a system has, to be read and changed.

The template is itself a running system, `templates/replicated_counter`, held to the same rules as all other code here;
a new system is a copy of its files in which its name is replaced.

It deliberately asks no questions and fills in no blanks: one starts from something that works.
"""

import keyword
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

TEMPLATE = "replicated_counter"
FOLDER = Path(__file__).with_name("templates") / TEMPLATE
NAME_LENGTH = 40

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def new_system(name: str, into: Path, known: Sequence[str] = ()) -> Path:
    """Write the folder ``into/name`` and return it.

    ValueError, with a text for the user, for a name that a system cannot have (`known` are the installed ones), and if
    the folder cannot be made or is there already.
    """
    reason = _refusal(name, known)
    if reason:
        raise ValueError(reason)
    folder = into / name
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"{folder}: {(error.strerror or 'it cannot be made').lower()}") from error
    for source in sorted(FOLDER.iterdir()):
        if source.is_file():
            text = source.read_text(encoding="utf-8").replace(TEMPLATE, name)
            (folder / source.name).write_text(text, encoding="utf-8")
    return folder


def commands(name: str) -> tuple[str, ...]:
    """Return three commands to try, typed in the folder that holds the new one."""
    system = f"--system {name}.card:card"
    return (
        f"simkit run {name} {system}",
        f"simkit run {name} {system} --variant one_copy",
        f"simkit audit {name} {system}",
    )


def invitation(name: str, into: Path) -> str:
    """Return what a user reads who has just made a system."""
    steps = commands(name) if into.resolve() == Path.cwd() else (f"cd {into}", *commands(name))
    what = f"{into / name} is a system that runs; its README.md tells what it does. Try:"
    return "\n".join([what, *(f"  {step}" for step in steps)])


def _refusal(name: str, known: Sequence[str]) -> str:
    """Return why a system cannot have this name, "" if it can."""
    if not _NAME.match(name) or keyword.iskeyword(name) or len(name) > NAME_LENGTH:
        return f"a system's name is lower case letters, digits and _, at most {NAME_LENGTH}, as in `lock_service`"
    if name in known:
        return f"a system `{name}` is installed already"
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        return f"Python already finds a module `{name}`; the two would hide each other"
    return ""
