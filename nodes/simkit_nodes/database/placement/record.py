"""What the placement driver must not forget: which stores stay away, and which decisions are open.

It is the state machine of the driver's own Raft group. Of a range at most one decision is open at a time, whoever
proposes another one; so a new leader of the driver goes on where the one before was.

It deliberately leaves out what heartbeats tell anew every second: who has which replicas, who leads what.
"""

from __future__ import annotations

import msgspec

from simkit_nodes.database.placement.messages import Decision


class Decide(msgspec.Struct, frozen=True, tag="decide"):
    """Open a decision, unless one is open about the same range."""

    decision: Decision


class Close(msgspec.Struct, frozen=True, tag="close"):
    """A decision is carried out, or given up."""

    number: int


class Judge(msgspec.Struct, frozen=True, tag="judge"):
    """A store stays away, or has come back."""

    store: str
    away: bool


Command = Decide | Close | Judge


class _State(msgspec.Struct, frozen=True):
    away: tuple[str, ...]
    open: tuple[Decision, ...]
    last: int


encode_command = msgspec.msgpack.Encoder().encode
_decode_command = msgspec.msgpack.Decoder(Command).decode
_encode_state = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(_State).decode


class PlacementRecord:
    """The replicated state.

    Attributes:
        away: stores that stay away, in order of time.
        open: decisions that are not carried out yet, by range.
        last: the number of the last decision.
    """

    def __init__(self) -> None:
        self.away: dict[str, None] = {}
        self.open: dict[int, Decision] = {}
        self.last = 0

    def apply(self, command: bytes) -> Decision | bool | None:
        """Carry out a command; return a decision that is open now, whether a judgement is news, else None."""
        match _decode_command(command):
            case Decide(decision):
                if decision.range_id in self.open:
                    return None
                self.last += 1
                decided = msgspec.structs.replace(decision, number=self.last)
                self.open[decision.range_id] = decided
                return decided
            case Close(number):
                self.open = {range_id: each for range_id, each in self.open.items() if each.number != number}
                return None
            case Judge(store, away):
                known = store in self.away
                if away and not known:
                    self.away[store] = None
                elif known and not away:
                    del self.away[store]
                return known != away
        raise AssertionError("unreachable")

    def snapshot(self) -> bytes:
        """Return the whole state."""
        return _encode_state(_State(tuple(self.away), tuple(self.open.values()), self.last))

    def restore(self, data: bytes) -> None:
        """Take a state in place of one's own."""
        state = _decode_state(data)
        self.away = dict.fromkeys(state.away)
        self.open = {each.range_id: each for each in state.open}
        self.last = state.last
