"""No file of the project says on whose machine it was written or where packages were downloaded from.

Such words break on the next machine; they also say more about a workplace than a project should.
"""

import re
from pathlib import Path

# A letter in brackets keeps this file from finding itself.
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:[r]oot/|[w]ork/|[h]ome/\w|[U]sers/\w)")
INDEX_HOSTS = re.compile(r"[p]ypi\.org|[p]ythonhosted\.|registry\.[n]pmjs|deb\.[d]ebian|[i]ndex-url|[f]ind-links")


def lines_with(pattern: re.Pattern[str], files: list[Path], project: Path) -> list[str]:
    found = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(project)}:{number}: {line.strip()[:100]}")
    return found


def test_the_patterns_find_what_they_are_for() -> None:
    assert all(MACHINE_PATHS.search(f'open("/{top}/ada/notes")') for top in ("root", "work", "home", "Users"))
    assert not MACHINE_PATHS.search("nodes/net/{}/link.py".format("work"))
    assert INDEX_HOSTS.search("https://{}.org/simple".format("pypi"))


def test_no_file_names_a_path_of_somebodys_machine(files: list[Path], project: Path) -> None:
    assert lines_with(MACHINE_PATHS, files, project) == []


def test_no_file_names_this_checkouts_own_folder(files: list[Path], project: Path) -> None:
    assert lines_with(re.compile(rf"(?<!\w){re.escape(str(project))}(?!\w)"), files, project) == []


def test_no_file_names_the_host_of_a_package_index(files: list[Path], project: Path) -> None:
    assert lines_with(INDEX_HOSTS, files, project) == []
