"""A replicated range as transactions see it: a part of the key space, proposals that all its replicas apply, reads.

The leaseholder (the Raft leader under a valid lease) evaluates a request against its own engine and proposes what came
out, a `Command` of plain engine writes, so that applying is the same on every replica whatever the request was
(CockroachDB calls it proposer-evaluated replication). `ranges.local.LocalRange` is a range of one replica without
Raft; the replicated one is in `replication/`.

It deliberately says nothing of versions, intents or locks, which are the evaluator's, and nothing of terms and logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from simkit.network.message import Message
from simkit_nodes.blocks.lsm import Engine

META_PREFIX: Final = b"\x00m"
"""Keys of the meta range: `META_PREFIX` + the end key of a range; the value is its descriptor."""

Put = tuple[bytes, bytes | None]
"""An engine key with its new value, None to delete it."""


class RangeDescriptor(Message, frozen=True, tag="database.range_descriptor/1"):
    """Which keys a range has, and which stores have its replicas.

    `generation` grows with each split, merge and change of replicas: of two descriptors the one with more is newer.
    """

    range_id: int
    begin: bytes
    end: bytes
    replicas: tuple[str, ...]
    generation: int = 0

    def contains(self, key: bytes) -> bool:
        """Whether the range has this key."""
        return self.begin <= key < self.end


class SplitTrigger(msgspec.Struct, frozen=True, tag="split"):
    """The range ends at ``right.begin`` from here on; each replica becomes one of both ranges, data stays in place."""

    left: RangeDescriptor
    right: RangeDescriptor


class FreezeTrigger(msgspec.Struct, frozen=True, tag="freeze"):
    """The range serves nobody from here on, because its left neighbour is about to take it in; or it thaws.

    Attributes:
        generation: of the range, as of which this was made.
        left: the neighbour, as of when it asked; a thaw undoes the freeze for this descriptor and no other.
        frozen: false to thaw. Whoever proposes that makes sure first that the merge cannot happen any more.
    """

    generation: int
    left: RangeDescriptor
    frozen: bool = True


class MergeTrigger(msgspec.Struct, frozen=True, tag="merge"):
    """The range has its right neighbour's keys from here on; both have replicas on the same stores.

    Attributes:
        left_generation: of the range, as of which this was made.
        merged: what it becomes: a generation above both.
        right: the neighbour, frozen for exactly that generation of this range.
        right_index: what freezing the right range returned: up to there every replica has its log.
        low_water: the right range has served no read above it.
    """

    left_generation: int
    merged: RangeDescriptor
    right: RangeDescriptor
    right_index: int
    low_water: int = 0


class AbandonTrigger(msgspec.Struct, frozen=True, tag="abandon"):
    """The range goes on in its next generation, so that no merge made out of the present one can happen any more."""

    renewed: RangeDescriptor


Trigger = SplitTrigger | MergeTrigger | FreezeTrigger | AbandonTrigger
"""What changes a range. One that was not made out of the range's present generation has no effect, and its proposer
gets `RangeMismatch`: of two changes that were made out of the same descriptor one wins. Of two descriptors that have a
key the one of the greater generation is newer, also where they are of different ranges."""


class Command(msgspec.Struct, frozen=True):
    """What one entry of a range's log does: written to the engine atomically with the applied index.

    Attributes:
        puts: engine keys and values, in order; a later one wins.
        trigger: a change of the range itself that takes effect with this entry.
        closed_timestamp: no write at or below it is proposed after this entry (0 says nothing), so that followers may
            answer reads there.
    """

    puts: Sequence[Put] = ()
    trigger: Trigger | None = None
    closed_timestamp: int = 0


class Range(Protocol):
    """One replica of a range.

    Attributes:
        descriptor: as of what this replica has applied.
        engine: what this replica has applied; the leaseholder reads there.
        tenure: a number that is another one each time this replica becomes leaseholder; 0 while it is not. What an
            evaluator keeps in memory (latches, locks, timestamp cache) is worth nothing in another tenure.
        low_water: a hybrid logical timestamp that no earlier leaseholder has served reads above; writes of this tenure
            go above it. A replica that cannot know takes its clock's now + max_offset when its tenure begins.
        closed_timestamp: this replica has applied every write at or below, and there will be no other.
    """

    @property
    def descriptor(self) -> RangeDescriptor: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def tenure(self) -> int: ...

    @property
    def low_water(self) -> int: ...

    @property
    def closed_timestamp(self) -> int: ...

    def leaseholder(self) -> str | None:
        """Return the store that holds the lease, as far as this replica knows."""
        ...

    async def propose(self, command: Command) -> None:
        """Return once the command is applied here. Commands are applied in the order in which they were proposed.

        An entry counts only in the tenure in which it was proposed: a leaseholder has applied everything before its
        own first entry when its tenure begins, so what it evaluated is what every replica will find.

        Raises:
            NotLeaseholder: it is certainly not applied and never will be.
            AmbiguousResult: the lease was lost under way; it may be applied or not.
            Unavailable: there was no quorum within the time that the range gives a proposal; the same as ambiguous
                except that the tenure lasts.
        """
        ...

    async def confirm(self) -> None:
        """Return when this replica may answer a read from its engine: at once under a valid lease, else by ReadIndex.

        Raises: NotLeaseholder, Unavailable.
        """
        ...
