"""What runs on the hosts of a scenario, and with which settings: deploys and config pushes change it host by host.

A change is a tree as under `config:` of a role, laid over the file's own and over earlier changes. Undoing one leaves
exactly what the others say. A host that has no change shares its config with all of its role.

It deliberately starts nothing: a new setting or version is there at the host's next boot, or at once where the node
takes it (`Node.reconfigure`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from simkit.card import Card, NoConfig
from simkit.fault import Settings
from simkit.hosts.host import Host
from simkit.language.text import MappingNode, plain_of
from simkit.node import Node

Tree = Mapping[str, Any]


def laid_over(base: Tree, over: Tree) -> dict[str, Any]:
    """Return `over` put over `base`; maps merge, None removes, everything else replaces."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = (
                laid_over(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
            )
    return merged


class Deployment:
    """The software of one scenario's hosts; see `simkit.fault.Software`.

    Args:
        card: the system's.
        config: the config of every role as the file has it, checked.
        document: the resolved file.

    Attributes:
        nodes: the running node of every host, kept by whoever makes them.
    """

    def __init__(self, card: Card, config: Mapping[str, BaseModel], document: MappingNode) -> None:
        self._card = card
        self._config = config
        section = document.get("config")
        self._written: Tree = plain_of(section) if isinstance(section, MappingNode) else {}
        self._changes: dict[str, dict[object, Settings]] = {}
        self._versions: dict[str, dict[object, str]] = {}
        self.nodes: dict[str, Node] = {}

    def config_of(self, host: Host) -> BaseModel:
        """Return the settings that the host's program has, or would have if it started now."""
        config = self._config.get(host.role, NoConfig())
        tree: Tree = self._written.get(host.role) or {}
        for change in self._changes.get(host.name, {}).values():
            tree = laid_over(tree, change(config))
            config = type(config).model_validate_json(json.dumps(tree), strict=True)
        return config

    def program_of(self, host: Host) -> type[Node]:
        """Return the node class that the host's next boot starts."""
        role = self._card.roles[host.role]
        versions = self._versions.get(host.name)
        return role.versions[list(versions.values())[-1]] if versions else role.node

    def configure(self, host: Host, settings: Settings, *, live: bool = False) -> Callable[[], None]:
        """See `simkit.fault.Software`."""
        return self._change(self._changes, host, settings, live)

    def install(self, host: Host, version: str) -> Callable[[], None]:
        """See `simkit.fault.Software`."""
        if version not in self._card.roles[host.role].versions:
            raise ValueError(f"role {host.role} has no version {version!r}")
        return self._change(self._versions, host, version, live=False)

    def _change(self, kept: dict[str, dict[object, Any]], host: Host, what: Any, live: bool) -> Callable[[], None]:
        cause = object()
        kept.setdefault(host.name, {})[cause] = what
        if live:
            self._push(host)

        def undo() -> None:
            kept[host.name].pop(cause, None)
            if live:
                self._push(host)

        return undo

    def _push(self, host: Host) -> None:
        node = self.nodes.get(host.name)
        if node is not None:
            host.world.post(host.world.now_ns, host.loop, node.reconfigure, self.config_of(host))
