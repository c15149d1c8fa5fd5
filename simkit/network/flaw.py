"""What may happen to a packet besides delay and plain loss: bursts of loss, duplication, reordering, corruption.

A flaw is a frozen value, part of a link or of what a fault lays over a path. On each path it becomes a `Flawing` with
a random stream of its own, and state if it has any. Whatever happens to the packet otherwise, a flaw takes the same
number of draws for it, so that no fault moves the draws of another.

They deliberately know nothing of what is inside a packet: whether a stream or a datagram survives a lost or damaged
frame is decided by its ends.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from simkit.kernel import Constant, Distribution, Stream
from simkit.network.queue import Queue

CHECKSUM_MISSES: Final = 2.0**-16
"""The share of damaged packets that a 16-bit checksum takes for sound, if damage is random (RFC 1071)."""


AT_ONCE: Final = Constant(0)


class Crossing:
    """What becomes of one packet on its way, as far as it is known.

    Attributes:
        size, frame_bytes: bytes in all, headers included, and of each frame but the last.
        frames: how many frames it has.
        latency_ns: what it takes besides queues.
        lost, dropped, damaged: frames that got lost, found no room in a queue, or failed their checksum.
        damage: 64 random bits that place an error no checksum found; -1 if there is none.
        copy_ns: how much later a second copy arrives; -1 if there is none.
        arrival_ns: when what is left of it arrives.
    """

    __slots__ = (
        "arrival_ns",
        "copy_ns",
        "damage",
        "damaged",
        "dropped",
        "frame_bytes",
        "frames",
        "latency_ns",
        "lost",
        "size",
    )

    def __init__(self, size: int, frame_bytes: int, latency_ns: int) -> None:
        self.size = size
        self.frame_bytes = frame_bytes
        self.frames = max(1, -(-size // frame_bytes))
        self.latency_ns = latency_ns
        self.lost: set[int] = set()
        self.dropped: set[int] = set()
        self.damaged: set[int] = set()
        self.damage = self.copy_ns = -1
        self.arrival_ns = 0

    def meet(self, queue: Queue, time_ns: int, bandwidth: int, limit: int) -> int:
        """Pass a queue at `time_ns`; return when what is left of the packet is on the wire."""
        left = self.size - len(self.dropped) * self.frame_bytes
        if left <= 0:
            return time_ns
        done_ns = queue.admit(time_ns, left, self.frame_bytes, bandwidth, limit)
        if queue.dropped:
            present = [frame for frame in range(self.frames) if frame not in self.dropped]
            self.dropped.update(present[place] for place in queue.dropped)
        return done_ns

    @property
    def missing(self) -> list[int]:
        """The frames that do not arrive, or not so that anybody takes them."""
        return sorted(self.lost | self.dropped | self.damaged)


class Flawing(ABC):
    """A flaw at work on one path."""

    @abstractmethod
    def strike(self, crossing: Crossing) -> None:
        """Let a packet meet the flaw; takes a number of draws that depends on nothing but its frames."""


class Flaw(ABC):
    """Something that happens to some packets."""

    @abstractmethod
    def on(self, stream: Stream) -> Flawing:
        """Return the flaw at work on a path, with the stream that it draws from."""


def _probability(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is a probability and lies in [0, 1], {value} does not")


@dataclass(frozen=True)
class Bursts(Flaw):
    """Gilbert-Elliott loss: the path is good or bad, and loses more while it is bad.

    Before each frame it goes from good to bad with one probability and back with another; the state it is in then
    decides how likely the frame is lost. (E. N. Gilbert, "Capacity of a Burst-Noise Channel", Bell System Technical
    Journal 39, 1960; E. O. Elliott, 1963.) `simkit.laws.bursts` has its means.
    """

    good_to_bad: float
    bad_to_good: float
    loss_good: float = 0.0
    loss_bad: float = 1.0

    def __post_init__(self) -> None:
        _probability(good_to_bad=self.good_to_bad, bad_to_good=self.bad_to_good)
        _probability(loss_good=self.loss_good, loss_bad=self.loss_bad)

    @classmethod
    def of_mean(cls, loss: float, burst_frames: float) -> "Bursts":
        """Return Gilbert's channel, which loses everything while bad, by its mean loss and mean length of a burst.

        ValueError if bursts of that length cannot add up to that loss.
        """
        if not 0.0 < loss < 1.0 or not burst_frames >= 1.0:
            raise ValueError("bursts need a loss between 0 and 1 and a length of at least one frame")
        good_to_bad = loss / (burst_frames * (1.0 - loss))
        if good_to_bad > 1.0:
            raise ValueError(f"a loss of {loss:g} in bursts of {burst_frames:g} frames would need no frame in between")
        return cls(good_to_bad, 1.0 / burst_frames)

    def on(self, stream: Stream) -> Flawing:
        """See `Flaw.on`."""
        return _Bursting(self, stream)


class _Bursting(Flawing):
    def __init__(self, flaw: Bursts, stream: Stream) -> None:
        self._flaw = flaw
        self._random = stream.random
        self._bad = False

    def strike(self, crossing: Crossing) -> None:
        flaw = self._flaw
        for frame in range(crossing.frames):
            turns = self._random() < (flaw.bad_to_good if self._bad else flaw.good_to_bad)
            self._bad ^= turns
            if self._random() < (flaw.loss_bad if self._bad else flaw.loss_good):
                crossing.lost.add(frame)


@dataclass(frozen=True)
class Duplication(Flaw):
    """Some packets arrive twice, the copy later by a draw of `after` (ns)."""

    share: float
    after: Distribution = AT_ONCE

    def __post_init__(self) -> None:
        _probability(share=self.share)

    def on(self, stream: Stream) -> Flawing:
        """See `Flaw.on`."""
        return _Duplicating(self, stream)


class _Duplicating(Flawing):
    def __init__(self, flaw: Duplication, stream: Stream) -> None:
        self._flaw = flaw
        self._stream = stream

    def strike(self, crossing: Crossing) -> None:
        twice = self._stream.random() < self._flaw.share
        after_ns = max(0, round(self._flaw.after.draw(self._stream)))
        if twice:
            crossing.copy_ns = after_ns


@dataclass(frozen=True)
class Reordering(Flaw):
    """Some packets are held back by a draw of `by` (ns), so that later ones overtake them."""

    share: float
    by: Distribution

    def __post_init__(self) -> None:
        _probability(share=self.share)

    def on(self, stream: Stream) -> Flawing:
        """See `Flaw.on`."""
        return _Reordering(self, stream)


class _Reordering(Flawing):
    def __init__(self, flaw: Reordering, stream: Stream) -> None:
        self._flaw = flaw
        self._stream = stream

    def strike(self, crossing: Crossing) -> None:
        held_back = self._stream.random() < self._flaw.share
        by_ns = max(0, round(self._flaw.by.draw(self._stream)))
        if held_back:
            crossing.latency_ns += by_ns


@dataclass(frozen=True)
class Corruption(Flaw):
    """Bits of some frames flip; a checksum finds most of it, and the frame is dropped, the rest is delivered.

    Attributes:
        share: probability that one frame is damaged.
        unnoticed: the share of damaged packets that pass their checksum.
    """

    share: float
    unnoticed: float = CHECKSUM_MISSES

    def __post_init__(self) -> None:
        _probability(share=self.share, unnoticed=self.unnoticed)

    def on(self, stream: Stream) -> Flawing:
        """See `Flaw.on`."""
        return _Corrupting(self, stream)


class _Corrupting(Flawing):
    def __init__(self, flaw: Corruption, stream: Stream) -> None:
        self._flaw = flaw
        self._stream = stream

    def strike(self, crossing: Crossing) -> None:
        struck = struck_frames(self._stream.random(), crossing.frames, self._flaw.share)
        unnoticed = self._stream.random() < self._flaw.unnoticed
        place = self._stream.bits64()
        if struck and unnoticed:
            crossing.damage = place
        else:
            crossing.damaged.update(struck)


def struck_frames(luck: float, frames: int, share: float) -> list[int]:
    """Return which of `frames` frames something strikes that strikes each by itself with probability `share`.

    One uniform draw decides about all of them: what it says beyond one frame is uniform again when it is stretched to
    [0, 1). A draw of at least 1 - (1 - share)^frames strikes none.
    """
    struck: list[int] = []
    for frame in range(frames):
        if luck < share:
            struck.append(frame)
            luck /= share
        else:
            luck = (luck - share) / (1.0 - share)
    return struck


def damaged(data: bytes, place: int) -> bytes:
    """Return `data` with an error that a 16-bit checksum in ones' complement (RFC 1071) does not find.

    Two bits of the same weight in two words flip, one from 0 to 1 and one from 1 to 0; where no such pair is left only
    one bit flips. `place` holds 64 random bits.
    """
    if not data:
        return data
    spoiled = bytearray(data)
    bit = place % (8 * len(data))
    first, mask = bit >> 3, 1 << (bit & 7)
    spoiled[first] ^= mask
    for step in range(2, len(data) + 1, 2):
        second = (first + step) % (len(data) & ~1 or 1)
        if second != first and (second - first) % 2 == 0 and (data[second] & mask) != (data[first] & mask):
            spoiled[second] ^= mask
            break
    return bytes(spoiled)
