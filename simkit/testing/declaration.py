"""What a mark declares: `@pytest.mark.simkit(hosts=..., faults=..., network=..., seeds=..., duration=...)`.

The mark is read into the same scenario that a file would be read into, so that its words, its errors and its limits are
those of scenario files. Values may be plain Python or the YAML that a file would hold.

Deliberately no second language: whatever a file can say of hosts, networks and faults can be said here, and no more.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from simkit.card import Card, Role
from simkit.language.injection import TIMING
from simkit.language.library import Source
from simkit.language.limits import DEFAULT_LIMITS
from simkit.language.reader import Reader
from simkit.language.resolved import Scenario
from simkit.language.text import MappingNode, plain_of, read_text
from simkit.node import Node
from simkit.program import PORT, program
from simkit.registry import Registry
from simkit.testing.mark import BadMark

SYSTEM = "test"
"""What the system of a test is called; also the host on which the test itself runs."""

DURATION = "1h"
"""Within which virtual time a test must have ended unless its mark says otherwise."""

NETWORK = {"default": {"rtt": "1ms"}}

_BETWEEN_KEYS = re.compile(r",\s*(?=[a-z_]+:\s)")

_NOWHERE = Path()
"""A mark stands in no scenario file."""


class Declaration:
    """One mark, read: the card of the test's own system and its scenario.

    Args:
        name: of the test; errors in texts name it as their file.
        declared: what the mark says.
        test: the node class that runs the test itself.

    Raises:
        BadMark, NotAProgram, ScenarioError: for what is wrong with it.
    """

    def __init__(self, name: str, declared: Mapping[str, Any], test: type[Node]) -> None:
        self._name = name
        roles = {SYSTEM: Role(test, "runs the test")}
        hosts: dict[str, Any] = {}
        for host, given in declared.get("hosts", {}).items():
            options = dict(given) if isinstance(given, Mapping) else {"program": given}
            if host == SYSTEM:
                raise BadMark(f"hosts: `{SYSTEM}` is the host on which the test itself runs; choose another name")
            if not callable(options.get("program")):
                raise BadMark(f"hosts: `{host}` needs a program: a function, or a map with the key `program`")
            node = program(options.pop("program"), port=options.pop("port", PORT))
            roles[host] = Role(node, f"runs {node.__name__}")
            hosts[host] = {"role": host, **options}
        self.card = Card(name=SYSTEM, title=name, roles=roles)
        self.registry = Registry(cards=[self.card])
        self._tree = {
            "title": name[-200:],
            "system": SYSTEM,
            "duration": declared.get("duration", DURATION),
            "hosts": {**hosts, SYSTEM: {"role": SYSTEM}},
            "network": self._section(declared.get("network", NETWORK)),
            "faults": self._faults(declared.get("faults", {})),
            **{word: declared[word] for word in ("start", "supervise") if word in declared},
        }

    def scenario(self, seed: int) -> Scenario:
        """Return the scenario under one seed."""
        tree = read_text(yaml.safe_dump({**self._tree, "seed": seed}, sort_keys=False), self._name)
        assert isinstance(tree, MappingNode)
        return Reader(Source(self._name, _NOWHERE, self._name), self.registry, DEFAULT_LIMITS).read(tree, None)

    def _section(self, given: Any) -> Any:
        return plain_of(read_text(as_lines(given), self._name)) if isinstance(given, str) else given

    def _faults(self, given: Any) -> dict[str, Any]:
        """Name faults that were given without names after their words: kill, kill-2."""
        if isinstance(given, (list, tuple)):
            named: dict[str, Any] = {}
            for each in given:
                entry = self._entry(each)
                word = next((key for key in entry if key in self.registry.faults()), "fault")
                named[unused(word, named)] = entry
            return named
        section = self._section(given)
        if isinstance(section, Mapping) and section.keys() & {*self.registry.faults(), *TIMING}:
            return self._faults([section])
        if not isinstance(section, Mapping):
            raise BadMark("faults= takes a text such as 'kill: server, at: 5s, for: 2s', a list of them, or a map")
        return {name: self._entry(each) for name, each in section.items()}

    def _entry(self, given: Any) -> dict[str, Any]:
        entry = self._section(given)
        if not isinstance(entry, Mapping):
            raise BadMark(f"{given!r} is no fault; write for example 'kill: server, at: 5s, for: 2s'")
        return dict(entry)


def as_lines(text: str) -> str:
    """Return YAML in which a map written in one line without braces has a line for each key.

    ``kill: a, b, every: uniform(1s, 2s)`` is what one would write; in YAML's own braces its commas mean something else.
    """
    if "\n" in text.strip() or text.strip()[:1] in ("{", "["):
        return text
    return _BETWEEN_KEYS.sub("\n", text.strip())


def unused(word: str, names: Mapping[str, Any]) -> str:
    """Return a name after a word that no other has: kill, kill-2, kill-3."""
    number, name = 1, word
    while name in names:
        number += 1
        name = f"{word}-{number}"
    return name
