"""Who may say what to a host of the database, as the certificates of a real one decide it.

Clients talk to gateways. A store takes batches from the cluster's own hosts only, and Raft's messages and snapshots
from stores only, each in its sender's own name; what nobody handles is dropped. All of it is made seen.

It deliberately proves nothing: on the simulated network the sender of a message is known. Nor does it judge what the
cluster's own hosts say: Raft and transactions believe them, here as in the papers.
"""

from __future__ import annotations

from typing import NoReturn

from simkit.network.errors import Refused
from simkit.network.message import Message
from simkit.node import Node
from simkit_nodes.database.events import MessageRefused


class Credentials:
    """What one host takes from whom.

    Args:
        node: the host; from now on a datagram that it has no handler for is refused, and ends nothing.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clients = frozenset(node.directory.of_role("client"))
        self._stores = frozenset(node.directory.of_role("store"))
        node.network.otherwise = lambda message: self._refuse(message, "nothing handles it")

    def of_cluster(self, message: Message) -> None:
        """Raise `simkit.network.errors.Refused` unless the message being handled comes from the cluster's own hosts."""
        if self._node.network.sender in self._clients:
            self._refuse(message, "clients talk to gateways")

    def of_store(self, message: Message) -> None:
        """Raise `simkit.network.errors.Refused` unless the message being handled comes from a store."""
        if self._node.network.sender not in self._stores:
            self._refuse(message, "only stores send it")

    def _refuse(self, message: Message, reason: str) -> NoReturn:
        self._node.emit(MessageRefused(self._node.network.sender, message.wire_tag, reason))
        raise Refused(f"{message.wire_tag}: {reason}")
