"""The sink through which everything that happens is told, and the digest over it.

Rooms write records; observers subscribe to kinds and never write back. The digest runs over messages, stream bytes,
disk operations, host changes, faults, histories and events *with their payload bytes*: two runs that send different
bytes in the same order differ. Logs, metrics and notes are left out, so that looking at a run does not change it.

It deliberately stores nothing: what is kept, and how much of it, is an observer's business.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.msgpack import Encoder
from xxhash import xxh3_128

from simkit.kernel.core import compiled

if TYPE_CHECKING:
    from simkit.kernel.world import World

DIGESTED = frozenset({"message", "stream", "disk", "host", "fault", "history", "event"})
UNDIGESTED = frozenset({"log", "metric", "note"})
DIGEST_VERSION = 1

Detail = int | str | float | bool | None


class Record(NamedTuple):
    """One thing that happened.

    Attributes:
        time_ns: virtual time.
        kind: one of `DIGESTED` or `UNDIGESTED`.
        host: where it happened; "" for the world itself.
        detail: plain values, in an order that belongs to the kind.
        payload: the bytes that were sent, written or delivered.
        value: an object for observers of this process, never digested: the emitted event; of a message or of bytes
            of a stream, when they were sent (ns).
    """

    time_ns: int
    kind: str
    host: str
    detail: tuple[Detail, ...]
    payload: bytes
    value: object


Observer = Callable[[Record], None]


class Sink:
    """Takes records, for the digest and for whoever observes their kind.

    Twin of `core/records.c`, which takes its place where the compiled core runs.

    Args:
        world: whose time it is.
        observers: by kind of record.
        digested: the kinds that the digest runs over.
        encode: makes bytes of what stands in front of a payload.
        hash: what the bytes are given to.
        record: makes what observers see.
    """

    def __init__(
        self,
        world: "World",
        observers: dict[str, tuple[Observer, ...]],
        digested: frozenset[str],
        encode: Callable[[object], bytes],
        hash: Any,
        record: type["Record"],
    ) -> None:
        self._world = world
        self._observers = observers
        self._digested = digested
        self._encode = encode
        self._hash = hash
        self._record = record
        self.count = 0
        self.open = True

    def write(self, kind: str, host: str, *detail: Detail, payload: bytes = b"", value: object = None) -> None:
        """Tell that something happened now. A KeyError means that `kind` is not a kind of record."""
        if not self.open:
            return
        observers = self._observers[kind]
        time_ns = self._world.now_ns
        if kind in self._digested:
            self.count += 1
            # The length of the payload is in the head, so that no two sequences of records share their bytes.
            self._hash.update(self._encode((time_ns, kind, host, detail, len(payload))))
            if payload:
                self._hash.update(payload)
        if observers:
            record = self._record(time_ns, kind, host, detail, payload, value)
            for observer in observers:
                observer(record)

    def digest(self) -> str:
        """Return the digest so far as 32 hexadecimal digits."""
        return self._hash.hexdigest()  # type: ignore[no-any-return]


if compiled is not None:
    Sink = compiled.Sink  # type: ignore[misc]


class Records(Sink):
    """The sink of one world."""

    def __init__(self, world: "World") -> None:
        observers: dict[str, tuple[Observer, ...]] = dict.fromkeys(DIGESTED | UNDIGESTED, ())
        digest = xxh3_128(DIGEST_VERSION.to_bytes(4, "little"))
        super().__init__(world, observers, DIGESTED, Encoder().encode, digest, Record)

    def subscribe(self, kinds: Iterable[str], observer: Observer) -> None:
        """Let `observer` see every later record of the given kinds."""
        for kind in sorted(kinds):
            self._observers[kind] += (observer,)

    def close(self) -> None:
        """Tell nothing any more, and let go of the observers."""
        self.open = False
        self._observers.update(dict.fromkeys(self._observers, ()))
