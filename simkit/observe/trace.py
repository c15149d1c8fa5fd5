"""The trace: every record of a run, spilled in chunks to a file of the run folder and read back lazily.

Each record is kept as (time, kind, host, detail, payload length, payload hash, payload head, time of sending) in
msgpack, with a 64-bit hash of exactly that; comparing two runs compares hashes and decodes two records. A limit keeps
the first and the last part of a long run and counts the middle.

It deliberately is not the digest: a trace may be cut or switched off, the digest sees every byte.

The file: 8 bytes ``SIMTRAC2``, then chunks, each a header (first index u64, time of the first record u64, records
u32, bytes u32; little-endian), the records' hashes (u64 each) and the records, zlib-compressed.
"""

import zlib
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from simkit.kernel.records import DIGESTED, Detail, Record, Records
from simkit.observe.moment import moment

Policy = Literal["none", "hash", "head", "full"]
"""What is kept of a payload: nothing, its hash, its hash and first bytes, all of it."""

CHUNK_RECORDS = 4_096
HEAD_BYTES = 256
"""Bytes of a payload that the policy ``head`` keeps."""

TRACE_BYTES_MAX = 256 * 2**20
"""Compressed bytes of the first part of a trace; after that only the last `TAIL_CHUNKS` chunks are kept."""

TAIL_CHUNKS = 256
HASHES_MAX = 100_000_000
"""Hashes kept in memory for comparing two runs of one process (8 bytes each)."""

_MAGIC = b"SIMTRAC2"
_HEADER = Struct("<QQII")


class TraceRecord(NamedTuple):
    """One record as it was kept; `sent_ns` is when a message or bytes of a stream left, None for everything else."""

    time_ns: int
    kind: str
    host: str
    detail: tuple[Detail, ...]
    payload_length: int
    payload_hash: int
    payload_head: bytes
    sent_ns: int | None = None

    def in_words(self) -> str:
        """Return the record as one line."""
        text = (
            f"{moment(self.time_ns, digits=9)} {self.kind} {self.host or '(world)'} {' '.join(map(str, self.detail))}"
        )
        if self.payload_length:
            text += f" · {self.payload_length:,} bytes, hash {self.payload_hash:016x}"
        return text + (f", {self.payload_head[:32]!r}" if self.payload_head else "")


class Difference(NamedTuple):
    """Where two traces part: the records of both at one index, None where one has ended or did not keep it."""

    position: int
    first: TraceRecord | None
    second: TraceRecord | None
    first_ended: bool
    second_ended: bool

    def in_words(self) -> str:
        """Return the difference as three lines."""
        first, second = self._words(self.first, self.first_ended), self._words(self.second, self.second_ended)
        return f"record {self.position:,} is the first that differs\n  one run    {first}\n  the other  {second}"

    @staticmethod
    def _words(record: TraceRecord | None, ended: bool) -> str:
        return record.in_words() if record else "(has ended)" if ended else "(was not kept)"


class Trace:
    """The trace of a run that is under way: subscribes to every digested kind.

    Args:
        records: the sink.
        path: the file; None keeps hashes only, with which two runs can still be compared by index.
        policy: what is kept of payloads.
        bytes_max: limit of the file's first part, compressed.
    """

    def __init__(
        self, records: Records, path: Path | None = None, *, policy: Policy = "head", bytes_max: int = TRACE_BYTES_MAX
    ) -> None:
        self.path = path
        self.hashes = array("Q")
        self.count = 0
        self.left_out = 0
        self._kept_bytes = {"none": 0, "hash": 0, "head": HEAD_BYTES, "full": None}[policy]
        self._hashed = policy != "none"
        self._bytes_left = bytes_max
        self._encode = msgspec.msgpack.Encoder().encode
        self._chunk: list[bytes] = []
        self._chunk_ns = 0
        self._chunk_hashes = array("Q")
        self._tail: deque[tuple[int, bytes]] = deque()
        self._file: BinaryIO | None = path.open("wb") if path else None
        if self._file:
            self._file.write(_MAGIC)
        records.subscribe(DIGESTED, self._observe)

    def _observe(self, record: Record) -> None:
        time_ns, kind, host, detail, payload, value = record
        hashed = xxh3_64_intdigest(payload) if payload and self._hashed else 0
        sent_ns = value if type(value) is int else None
        data = self._encode((time_ns, kind, host, detail, len(payload), hashed, payload[: self._kept_bytes], sent_ns))
        whole = xxh3_64_intdigest(data)
        if self.count < HASHES_MAX:
            self.hashes.append(whole)
        self.count += 1
        if self._file:
            if not self._chunk:
                self._chunk_ns = time_ns
            self._chunk.append(data)
            self._chunk_hashes.append(whole)
            if len(self._chunk) == CHUNK_RECORDS:
                self._spill()

    def _spill(self) -> None:
        """Compress the open chunk and write it, or keep it for the tail."""
        if not self._chunk or not self._file:
            return
        packed = zlib.compress(b"".join(self._chunk), level=1)
        first, size = self.count - len(self._chunk), len(self._chunk)
        block = _HEADER.pack(first, self._chunk_ns, size, len(packed)) + self._chunk_hashes.tobytes() + packed
        if self._bytes_left > 0 and not self._tail:
            self._file.write(block)
            self._bytes_left -= len(block)
        else:
            self._tail.append((size, block))
            if len(self._tail) > TAIL_CHUNKS:
                self.left_out += self._tail.popleft()[0]
        self._chunk.clear()
        self._chunk_hashes = array("Q")

    def known_hashes(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the hash of every record by index, and that each is known."""
        return np.array(self.hashes, dtype=np.uint64), np.ones(len(self.hashes), dtype=np.bool_)

    def close(self) -> None:
        """Write what is open; the trace is complete."""
        if self._file:
            self._spill()
            for _, block in self._tail:
                self._file.write(block)
            self._tail.clear()
            self._file.close()
            self._file = None


class _Chunk(NamedTuple):
    first: int
    time_ns: int
    hashes: "array[int]"
    offset: int
    size: int


class StoredTrace:
    """A trace in its file, read a chunk at a time.

    A ValueError says that the file is not a trace, or is damaged inside; one that was cut (the run was interrupted)
    reads up to the cut.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._chunks: list[_Chunk] = []
        self._decoded: tuple[int, list[TraceRecord]] = (-1, [])
        self._decoder = msgspec.msgpack.Decoder(list[TraceRecord])
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError(f"{path} is not a trace that this simkit reads")
            size = path.stat().st_size
            while len(head := file.read(_HEADER.size)) == _HEADER.size:
                first, time_ns, count, length = _HEADER.unpack(head)
                hashes = file.read(8 * count)
                if len(hashes) < 8 * count or file.tell() + length > size:
                    break
                self._chunks.append(_Chunk(first, time_ns, array("Q", hashes), file.tell(), length))
                file.seek(length, 1)
        self.count = self._chunks[-1].first + len(self._chunks[-1].hashes) if self._chunks else 0

    def known_hashes(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the hash of every record by index, and whether it is known (the limit leaves records out)."""
        hashes, known = np.zeros(self.count, dtype=np.uint64), np.zeros(self.count, dtype=np.bool_)
        for chunk in self._chunks:
            hashes[chunk.first : chunk.first + len(chunk.hashes)] = chunk.hashes
            known[chunk.first : chunk.first + len(chunk.hashes)] = True
        return hashes, known

    def record(self, index: int) -> TraceRecord | None:
        """Return one record; None where the limit left it out or the trace has ended."""
        chunk = self._chunk_of(index)
        return self._decode(chunk)[index - self._chunks[chunk].first] if chunk is not None else None

    def records(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, TraceRecord]]:
        """Yield (index, record) from `first` up to and without `last`; indices that were left out are skipped."""
        for number, chunk in enumerate(self._chunks):
            if chunk.first + len(chunk.hashes) <= first:
                continue
            for index, record in enumerate(self._decode(number), chunk.first):
                if last is not None and index >= last:
                    return
                if index >= first:
                    yield index, record

    def some_records(self, moments_ns: Iterable[int], chunks_max: int) -> Iterator[tuple[int, TraceRecord]]:
        """Yield (index, record), in order, of no more than so many chunks.

        Of a longer trace those are read that hold the moments, the first ones first, and others spread over the run.
        """
        count = len(self._chunks)
        numbers = list(range(count))
        if count > chunks_max:
            holding = (bisect_right(self._chunks, ns, key=lambda chunk: chunk.time_ns) - 1 for ns in moments_ns)
            wanted = dict.fromkeys(max(0, number) for number in holding)
            near = list(wanted)[: chunks_max * 3 // 4]
            spread = (place * count // (chunks_max - len(near)) for place in range(chunks_max - len(near)))
            numbers = sorted({*near, *spread})
        for number in numbers:
            yield from enumerate(self._decode(number), self._chunks[number].first)

    def _chunk_of(self, index: int) -> int | None:
        number = bisect_right(self._chunks, index, key=lambda chunk: chunk.first) - 1
        inside = number >= 0 and 0 <= index - self._chunks[number].first < len(self._chunks[number].hashes)
        return number if inside else None

    def _decode(self, number: int) -> list[TraceRecord]:
        if self._decoded[0] != number:
            chunk = self._chunks[number]
            with self.path.open("rb") as file:
                file.seek(chunk.offset)
                packed = file.read(chunk.size)
            array_head = b"\xdd" + len(chunk.hashes).to_bytes(4, "big")
            try:
                self._decoded = number, self._decoder.decode(array_head + zlib.decompress(packed))
            except (zlib.error, msgspec.MsgspecError) as error:
                raise ValueError(f"{self.path} is damaged from record {chunk.first:,} on: {error}") from error
        return self._decoded[1]


def first_difference(first: Trace | StoredTrace, second: Trace | StoredTrace) -> Difference | None:
    """Return where two traces part, None when they do not.

    Traces under way must be closed; their records are read back from their files where they have one. Records that a
    limit left out of either trace are not compared, except by their hashes while those are in memory.
    """
    one, one_known = first.known_hashes()
    other, other_known = second.known_hashes()
    count = min(len(one), len(other))
    parted = np.flatnonzero((one[:count] != other[:count]) & one_known[:count] & other_known[:count])
    index = int(parted[0]) if parted.size else min(first.count, second.count)
    if index == first.count == second.count:
        return None
    return Difference(index, _record(first, index), _record(second, index), index >= first.count, index >= second.count)


def _record(trace: Trace | StoredTrace, index: int) -> TraceRecord | None:
    if isinstance(trace, StoredTrace):
        return trace.record(index)
    return StoredTrace(trace.path).record(index) if trace.path else None
