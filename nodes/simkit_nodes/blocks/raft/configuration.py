"""Who belongs to a Raft group: voters, learners and, during joint consensus, the voters of the old configuration too.

A configuration is a value that travels in the log; a server uses the latest one in its log, committed or not (section
6 of the paper). Agreement under joint consensus needs a majority of both sets of voters.

It deliberately does not know how to get from one configuration to another; `membership` does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec


class Configuration(msgspec.Struct, frozen=True):
    """The members of a group.

    Attributes:
        voters: who votes and counts for commitment; C_new during joint consensus.
        outgoing: the voters of C_old during joint consensus, otherwise empty.
        learners: who receives the log and does not vote (thesis, section 4.2.1).
    """

    voters: tuple[str, ...]
    outgoing: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()

    @property
    def joint(self) -> bool:
        """Whether this is C_old,new."""
        return bool(self.outgoing)

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody who receives the log, in order and each once."""
        return tuple(dict.fromkeys((*self.voters, *self.outgoing, *self.learners)))

    def votes(self, server: str) -> bool:
        """Whether a server's vote counts, in either configuration."""
        return server in self.voters or server in self.outgoing

    def agrees(self, servers: Collection[str]) -> bool:
        """Whether these servers are enough to decide: a majority, under joint consensus one of each configuration."""
        return _majority(self.voters, servers) and (not self.outgoing or _majority(self.outgoing, servers))

    def refuses(self, servers: Collection[str]) -> bool:
        """Whether the others, without these servers, can no longer be enough."""
        return not self.agrees([server for server in (*self.voters, *self.outgoing) if server not in servers])

    def agreed(self, reached: Mapping[str, int]) -> int:
        """Return the largest number that enough servers have reached; who is not in `reached` has reached 0."""
        agreed = _agreed(self.voters, reached)
        return min(agreed, _agreed(self.outgoing, reached)) if self.outgoing else agreed

    def encode(self) -> bytes:
        """Return the bytes for the data of a log entry."""
        return _encode(self)

    @staticmethod
    def decode(data: bytes) -> Configuration:
        """Return the configuration of a log entry's data; ValueError if it is none."""
        try:
            return _decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a configuration: {error}") from None


def _majority(voters: tuple[str, ...], servers: Collection[str]) -> bool:
    return sum(voter in servers for voter in voters) > len(voters) // 2


def _agreed(voters: tuple[str, ...], reached: Mapping[str, int]) -> int:
    # Sorted from the largest, the one in the middle is reached by a majority.
    numbers = sorted([reached.get(voter, 0) for voter in voters], reverse=True)
    return numbers[len(voters) // 2] if numbers else 0


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(Configuration).decode
