"""Where scenarios are found: files, folders, and the installed library.

The library is the folder that `simkit.installation` names: `scenarios/` beside the package in a checkout, the folder
`simkit_scenarios` of the wheel in an installed environment. A file can only reach what lies in its own folder or in
the library: paths are judged after symbolic links are followed. Deliberately no search path, no environment variable.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from simkit.installation import scenario_folder
from simkit.language.beside import with_files
from simkit.language.limits import DEFAULT_LIMITS, Limits
from simkit.language.overlay import overlay
from simkit.language.problem import Position, Problem, ScenarioError, nearest_quoted, quoted
from simkit.language.text import Entry, MappingNode, Node, ScalarNode, read_bytes

SUFFIXES = (".yaml", ".yml")
WHOLE_FOLDER = "scenario.yaml"
LISTED = 2000
_INSTALLED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:/[A-Za-z0-9_][A-Za-z0-9_-]*){0,5}\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """A scenario file that was found: `name` as reports call it, `shown` as errors call it."""

    name: str
    path: Path
    shown: str


def scenario_files(folder: Path) -> list[Path]:
    """The scenario files in a folder and below, in order; links to folders are not followed.

    A folder with a `scenario.yaml` is one scenario, whatever else lies in it: a lesson.
    """
    found: list[Path] = []
    for here, below, files in os.walk(folder):
        below.sort()
        chosen = [WHOLE_FOLDER] if WHOLE_FOLDER in files else sorted(file for file in files if file.endswith(SUFFIXES))
        found += [Path(here) / file for file in chosen]
        if len(found) > LISTED:
            break
    return found


class Library:
    """The installed scenarios under one root."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else scenario_folder()

    def names(self) -> list[str]:
        """Every installed scenario, `system/scenario`, sorted."""
        return sorted(self._name_of(path) for path in scenario_files(self.root))

    def find(self, name: str) -> Source | None:
        """The installed scenario of that name, or None."""
        if not _INSTALLED.match(name):
            return None
        for path in [self.root / f"{name}{suffix}" for suffix in SUFFIXES] + [self.root / name / WHOLE_FOLDER]:
            if path.is_file() and path.resolve().is_relative_to(self.root.resolve()):
                shown = path.name if path.name != WHOLE_FOLDER else f"{path.parent.name}/{path.name}"
                return Source(name, path, shown)
        return None

    def locate(self, text: str | Path) -> list[Source]:
        """What FILE, FOLDER or NAME on a command line means; a folder is all its files. Raises `ScenarioError`."""
        path = Path(text)
        try:
            if path.is_dir() and not self.find(str(text)):
                return self._in_folder(path)
            if path.suffix in SUFFIXES or path.is_file():
                return [Source(self._name_of(path), path, str(text))]
            found = self.find(str(text))
            if found is None and (self.root / text).is_dir() and _INSTALLED.match(str(text)):
                return self._in_folder(self.root / text)
        except (OSError, ValueError) as error:
            raise ScenarioError(Problem(Position(str(text), 0, 0), f"cannot be opened ({_reason(error)})")) from None
        if found is None:
            problem = Problem(Position(str(text), 0, 0), "no such file, and no installed scenario of that name")
            raise ScenarioError(Problem(problem.position, problem.message, nearest_quoted(str(text), self.names())))
        return [found]

    def _in_folder(self, folder: Path) -> list[Source]:
        paths = scenario_files(folder)
        if not paths:
            raise ScenarioError(Problem(Position(str(folder), 0, 0), "no scenario file in this folder"))
        return [Source(self._name_of(path), path, str(path)) for path in paths]

    def _name_of(self, path: Path) -> str:
        """`task_queue/steady` for a file of the library, the bare stem for any other."""
        resolved, root = path.resolve(), self.root.resolve()
        inside = resolved.is_relative_to(root) and resolved.parent != root
        named = resolved.parent if resolved.name == WHOLE_FOLDER else resolved.with_suffix("")
        return named.relative_to(root).as_posix() if inside else named.name

    def base_of(self, source: Source, text: str, position: Position) -> Source:
        """What `extends: TEXT` in `source` means: an installed name, or a file in the same folder or below."""
        if not text.endswith(SUFFIXES):
            found = self.find(text)
            if found is None:
                near = nearest_quoted(text, self.names())
                raise ScenarioError(Problem(position, f"unknown scenario {quoted(text)} in `extends`", near))
            return found
        return self.beside(source, text, position)

    def beside(self, source: Source, text: str, position: Position) -> Source:
        """A file in the folder of another one, or below it."""
        folder = source.path.resolve().parent
        try:
            path = (folder / text).resolve()
            inside = path.is_relative_to(folder) and not Path(text).is_absolute()
        except (OSError, ValueError, RuntimeError):
            inside = False
        if not inside:
            raise ScenarioError(Problem(position, f"{quoted(text)} leaves the folder of the file that names it"))
        return Source(self._name_of(path), path, str(Path(source.shown).parent / text))


def read_source(source: Source, limits: Limits = DEFAULT_LIMITS, asked_at: Position | None = None) -> MappingNode:
    """The tree of one file; at most one byte more than the limit is read."""
    place = asked_at or Position(source.shown, 0, 0)
    root = read_bytes(_bytes_of(source, limits, place), source.shown, limits)
    if not isinstance(root, MappingNode):
        raise ScenarioError(Problem(root.position, "a scenario is a map: `title:`, `system:`, `hosts:` and so on"))
    return root


def _bytes_of(source: Source, limits: Limits, place: Position) -> bytes:
    """What a file holds; at most one byte more than the limit is read."""
    try:
        # Opening a pipe would wait for its writer for ever; only regular files are opened without that.
        descriptor = os.open(source.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ScenarioError(Problem(place, f"{quoted(source.shown)} is not a regular file"))
            return file.read(limits.file_size + 1)
    except (OSError, ValueError) as error:
        raise ScenarioError(Problem(place, f"{quoted(source.shown)} cannot be opened ({_reason(error)})")) from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def read_extended(source: Source, library: Library, limits: Limits = DEFAULT_LIMITS) -> MappingNode:
    """The tree of a file put over everything it extends."""
    chain: list[MappingNode] = []
    seen: list[Path] = []
    current: Source | None = source
    asked_at: Position | None = None
    while current is not None:
        resolved = current.path.resolve()
        place = asked_at or Position(current.shown, 1, 1)
        if resolved in seen:
            raise ScenarioError(Problem(place, "`extends` goes round in a circle"))
        if len(chain) > limits.extends:
            raise ScenarioError(Problem(place, f"the limit extends of {limits.extends} files is exceeded"))
        seen.append(resolved)
        read = partial(_read_beside, library, current, limits)
        root = with_files(read_source(current, limits, asked_at), read, limits)
        chain.append(root)
        current, asked_at = _extended_by(root, current, library)
    merged: Node = without(chain.pop(), "extends")
    while chain:
        merged = overlay(merged, without(chain.pop(), "extends"))
    assert isinstance(merged, MappingNode)
    return merged


def _read_beside(library: Library, source: Source, limits: Limits, name: str, position: Position) -> str:
    """The text of a file in the folder of a scenario file, or below it."""
    data = _bytes_of(library.beside(source, name, position), limits, position)
    if len(data) > limits.file_size:
        raise ScenarioError(Problem(position, f"the limit file_size of {limits.file_size:,} bytes is exceeded"))
    return data.decode("utf-8", errors="replace")


def _extended_by(root: MappingNode, source: Source, library: Library) -> tuple[Source | None, Position | None]:
    node = root.get("extends")
    if node is None:
        return None, None
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        raise ScenarioError(Problem(node.position, "`extends` takes one installed name or one file beside this one"))
    return library.base_of(source, node.value, node.position), node.position


def without(node: MappingNode, *keys: str) -> MappingNode:
    """The map without some of its keys."""
    entries: dict[str, Entry] = {key: entry for key, entry in node.entries.items() if key not in keys}
    return MappingNode(node.position, entries, node.flow)
