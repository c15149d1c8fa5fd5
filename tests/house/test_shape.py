"""Files and functions keep a size that is read in one sitting, and every module says what it is.

The limits are a nudge, not a law: what has good reason to be longer goes into `LONGER` with that reason.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 500
FUNCTION_LINES = 70

# "path" or "path:function" -> why it may be longer than the rest
LONGER: dict[str, str] = {}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a file with its number of lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_every_module_says_what_it_is(modules: list[Path], project: Path) -> None:
    silent = [
        str(path.relative_to(project))
        for path in modules
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_module_of_the_framework_also_says_what_it_is_not(modules: list[Path], project: Path) -> None:
    one_sided = []
    for path in modules:
        name = path.relative_to(project)
        if name.parts[0] in {"simkit", "nodes", "faults"} and not path.name.startswith("__"):
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            if len(docstring.split("\n\n")) < 2:
                one_sided.append(str(name))
    assert one_sided == []


def test_every_file_is_read_in_one_sitting(modules: list[Path], project: Path) -> None:
    lengths = {str(path.relative_to(project)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES and name not in LONGER} == {}


def test_every_function_fits_a_screen(modules: list[Path], project: Path) -> None:
    long = {
        f"{path.relative_to(project)}:{name}": lines
        for path in modules
        for name, lines in functions(path)
        if lines > FUNCTION_LINES
    }
    assert {place: lines for place, lines in long.items() if place not in LONGER} == {}


def test_nothing_is_excused_that_no_longer_exists(modules: list[Path], project: Path) -> None:
    known = {str(path.relative_to(project)) for path in modules}
    assert {place for place in LONGER if place.partition(":")[0] not in known} == set()
