"""What stores and the placement driver say to each other: heartbeats, and the decisions that a store is to carry out.

As in TiKV, a decision travels in the answer to a heartbeat, so that a store only ever does what it has asked for.

It deliberately has no message between the driver's own hosts: those are Raft's.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from simkit.network.message import Message
from simkit_nodes.database.range import RangeDescriptor


class Decision(msgspec.Struct, frozen=True):
    """What is to become of one range.

    Attributes:
        kind: relocate: its replicas are to be on `stores`; transfer: the first of `stores` is to lead it.
        range_id: of the range.
        generation: of the descriptor out of which the decision was made.
        stores: see `kind`.
        reason: why, in a few words.
        number: the driver's count of decisions; 0 until it is decided.
    """

    kind: Literal["relocate", "transfer"]
    range_id: int
    generation: int
    stores: tuple[str, ...]
    reason: str
    number: int = 0


class RangeReport(msgspec.Struct, frozen=True):
    """A range as its leaseholder sees it.

    Attributes:
        descriptor: as of what it has applied.
        learners: who gets its log and does not vote.
        term: of the leaseholder.
        settled: no change of its replicas is under way.
    """

    descriptor: RangeDescriptor
    learners: tuple[str, ...]
    term: int
    settled: bool


class StoreHeartbeat(Message, frozen=True, tag="database.store_heartbeat/1"):
    """A store is alive, and leads these ranges."""

    ranges: tuple[RangeReport, ...]


class Orders(Message, frozen=True, tag="database.orders/1"):
    """The answer to a heartbeat.

    Attributes:
        decisions: what the store is to carry out, of ranges that it leads; again and again until it is done.
        leads: whether who answers speaks for the placement driver.
        hint: who may do so otherwise, as far as it knows.
    """

    decisions: tuple[Decision, ...] = ()
    leads: bool = True
    hint: str | None = None
