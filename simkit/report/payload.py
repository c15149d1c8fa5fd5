"""What some bytes say, in one line: messages of nodes, Redis requests and replies, HTTP, text, or else their length.

A trace keeps the beginning of each payload, so every reader here takes what may end in the middle. The first word of
what was read is also the kind under which the page filters messages.

It deliberately understands no system: what a field means is its system's business.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from simkit.report.words import plain

TEXT_MAX = 220
"""Characters of one line."""

_NUMBERS_SHOWN = 6
_HEAD_BYTES = 128
_BATCH = re.compile(rb"\xa7devices\x92\xa3<u4[\xc4-\xc6]")
_COLUMN = re.compile(rb"(\w+)\x92\xa3([<|][biuf][1248])(?:\xc4(.)|\xc5(..)|\xc6(.{4}))", re.DOTALL)
"""How msgpack writes a column of a batch: its name, and a list of the numbers' type and their bytes."""

_HEXADECIMAL = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24,}\b")
_HTTP = re.compile(rb"(GET|PUT|POST|DELETE|HEAD|OPTIONS|PATCH) (\S+) HTTP/1|HTTP/1\.[01] (\d{3} [^\r\n]*)")
_REDIS_REPLIES = {b"+": "status", b"-": "error", b":": "integer", b"$": "bulk", b"*": "array", b"_": "null"}
_CALLS = frozenset({"EVALSHA", "EVAL", "FCALL"})
_decode = msgspec.msgpack.Decoder().decode


class _Marks(dict[int, str]):
    """Makes every character that cannot be printed a NUL; learnt one by one, as a page reads many thousand payloads."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = shown = character if character.isprintable() else "\0"
        return shown


_MARKS = _Marks()


class Reading(NamedTuple):
    """What a payload is, in one word, and what it says."""

    kind: str
    text: str


def read_stream(data: bytes, meanings: Mapping[str, str] | None = None) -> Reading:
    """Read bytes of a stream; `meanings` tells what words that say nothing by themselves stand for."""
    if data[:1] == b"*":
        words = list(_redis_words(data))
        if meanings:
            words = [meanings.get(word, word) for word in words]
        # A request is an array of bulk strings that begins with a command; a reply can look the same but rarely does.
        if words and words[0].isascii() and words[0].isupper():
            # Of a script it matters which one is called.
            name = " ".join(words[:2]) if words[0] in _CALLS and len(words) > 1 else words[0]
            return Reading(_short(name), _short(" ".join(words)))
    if data[:1] in _REDIS_REPLIES and b"\r\n" in data:
        return Reading("reply", _short(" ".join(_redis_words(data)) or _printable(data)))
    found = _HTTP.match(data)
    if found:
        return Reading("HTTP", _short(_printable(found[0])))
    if len(data) > 9 and data[9:10] >= b"\x80" and b"@" in data[9:13]:  # a frame of a channel: its head, then a message
        return Reading("channel", _short(_fields(data[9:])))
    return Reading("bytes", _short(_printable(data)))


def read_message(data: bytes) -> str:
    """Read a message of nodes, or an event: its fields without its tag."""
    return _short(_fields(data))


def read_datagram(data: bytes) -> str:
    """Read a UDP packet."""
    return _short(_printable(data))


def _columns(data: bytes) -> Iterator[str]:
    """Yield the columns of a batch of messages, by their first numbers; the last one may end in the middle."""
    rows = 0
    for found in _COLUMN.finditer(data):
        name, dtype = found[1].decode(), np.dtype(found[2].decode())
        if not rows:
            rows = int.from_bytes(found[3] or found[4] or found[5], "big") // dtype.itemsize
            yield "1 row:" if rows == 1 else f"{rows:,} rows:"
        there = data[found.end() : found.end() + min(rows, _NUMBERS_SHOWN) * dtype.itemsize]
        numbers = np.frombuffer(there[: len(there) // dtype.itemsize * dtype.itemsize], dtype)
        shown = " ".join(f"{number:g}" for number in numbers.tolist())
        yield f"{name}={shown}{' ...' if len(numbers) < rows else ''}"


def _fields(data: bytes) -> str:
    if _BATCH.search(data[:_HEAD_BYTES]) and (columns := " ".join(_columns(data))):
        return columns
    try:
        value = _decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _printable(data)
    if not isinstance(value, dict):
        return str(value)
    return " ".join(f"{name}={_value(field)}" for name, field in value.items() if name not in ("@", "event"))


def _value(value: Any) -> str:
    return _printable(value) if isinstance(value, bytes) else str(value)


def _redis_words(data: bytes) -> Iterator[str]:
    """Yield the plain parts of a RESP value, as far as they are there; the lengths between them say nothing."""
    place = 0
    while place < len(data):
        end = data.find(b"\r\n", place)
        if end < 0:
            return
        head, rest = data[place : place + 1], data[place + 1 : end]
        place = end + 2
        if head == b"$" and rest.isdigit():
            length = int(rest[:9])
            yield _printable(data[place : place + length])
            place += length + 2
        elif head == b"$":
            yield "null"
        elif head not in b"*~%":
            yield _printable(rest)


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    if text.isprintable():
        return text
    marked = text.translate(_MARKS)
    if marked.count("\0") * 4 > len(text):
        return f"{data[:24].hex(' ', 4)}{' ...' if len(data) > 24 else ''}"
    return marked.replace("\0", "·")


def _short(text: str) -> str:
    text = _HEXADECIMAL.sub(r"\1..", text)
    return plain(text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "...")
