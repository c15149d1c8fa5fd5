"""The Redis serialization protocol (RESP2 and RESP3): bytes to requests, replies to bytes.

It knows frames and limits and nothing of commands. It is not a client-side parser: replies are only written here;
redis-py and hiredis read them.

Source: the RESP specification, https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fakeredis._helpers import SimpleError, SimpleString

_DOLLAR, _CARRIAGE_RETURN, _LINE_FEED = b"$\r\n"


class ProtocolError(Exception):
    """A frame that cannot be understood. The client gets `-ERR Protocol error: ...` and is cut off, as Redis does."""


class RequestParser:
    """Incremental parser of client requests: arrays of bulk strings, or one inline line of words.

    `feed` accepts bytes in any cut; `take` returns the next whole request or None. The limits are those of Redis:
    `bulk_bytes_max` for one string (proto-max-bulk-len), `request_bytes_max` for a whole request
    (client-query-buffer-limit), `words_max` (1,048,576) and `line_bytes_max` (64 KiB) for headers and inline
    requests. `inline` False refuses inline requests, as the append-only file has none. Work per byte is constant: a
    half frame is never scanned twice from its start.
    """

    __slots__ = (
        "_awaited",
        "_buffer",
        "_bulk_length",
        "_dropped",
        "_position",
        "_request_bytes",
        "_words",
        "bulk_bytes_max",
        "inline",
        "line_bytes_max",
        "request_bytes_max",
        "words_max",
    )

    def __init__(
        self,
        *,
        bulk_bytes_max: int = 512 * 1024 * 1024,
        request_bytes_max: int = 1024 * 1024 * 1024,
        words_max: int = 1024 * 1024,
        line_bytes_max: int = 64 * 1024,
        inline: bool = True,
    ) -> None:
        self.inline = inline
        self.bulk_bytes_max = bulk_bytes_max
        self.request_bytes_max = request_bytes_max
        self.words_max = words_max
        self.line_bytes_max = line_bytes_max
        self._words: list[bytes] = []
        self._request_bytes = 0  # of the bulk strings of the array being read
        self._buffer = bytearray()
        self._position = 0
        self._dropped = 0  # bytes already cut off the front of the buffer
        self._awaited = 0  # words still missing from the array being read
        self._bulk_length = -1  # length of the bulk string being read, -1 between bulk strings

    @property
    def pending_bytes(self) -> int:
        """Bytes received that do not yet make a whole request."""
        return len(self._buffer) - self._position

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the whole stream read so far; right after `take` returned a request, the offset of its end."""
        return self._dropped + self._position

    @property
    def in_frame(self) -> bool:
        """Whether a request has begun and not ended: closing now would cut a frame in half."""
        return self._awaited > 0 or self.pending_bytes > 0

    def feed(self, data: bytes) -> None:
        if self._position and self._position >= len(self._buffer) // 2:
            del self._buffer[: self._position]
            self._dropped += self._position
            self._position = 0
        self._buffer += data

    def take(self) -> list[bytes] | None:
        """The next request as a list of words, or None when more bytes are needed. Raises ProtocolError."""
        while True:
            if self._awaited == 0:
                line = self._line()
                if line is None:
                    return None
                if line[:1] != b"*":
                    if not self.inline:
                        raise ProtocolError(f"expected '*', got {_printable(line[:1])}")
                    words = line.split()
                    if words:
                        return words
                    continue
                count = self._length(line, "multibulk", self.words_max)
                if count <= 0:
                    continue
                self._awaited = count
                self._words = []
                self._request_bytes = 0
            if not self._fill():
                return None
            words, self._words = self._words, []
            return words

    def _fill(self) -> bool:
        """Read the strings of the array that has begun; False when more bytes are needed. A server's hottest loop."""
        buffer, position, words = self._buffer, self._position, self._words
        received = len(buffer)
        try:
            while self._awaited:
                length = self._bulk_length
                if length < 0:
                    end = buffer.find(b"\r\n", position, position + 24)
                    if end < 0 or buffer[position] != _DOLLAR:
                        line = self._bulk_line(position)
                        if line is None:
                            return False
                        length = self._length(line, "bulk", self.bulk_bytes_max)
                        position = self._position
                    else:
                        length = self._length(buffer[position:end], "bulk", self.bulk_bytes_max)
                        position = end + 2
                    if length < 0:
                        raise ProtocolError("invalid bulk length")
                    self._request_bytes += length
                    if self._request_bytes > self.request_bytes_max:
                        raise ProtocolError("too big request")
                end = position + length
                if received < end + 2:
                    self._bulk_length = length
                    return False
                if buffer[end] != _CARRIAGE_RETURN or buffer[end + 1] != _LINE_FEED:
                    raise ProtocolError("bulk string is not followed by CRLF")
                words.append(bytes(buffer[position:end]))
                position = end + 2
                self._bulk_length = -1
                self._awaited -= 1
            return True
        finally:
            self._position = max(self._position, position)

    def _bulk_line(self, position: int) -> bytes | None:
        """The header of a string that is not there at first sight: incomplete, ended by a bare line feed, or wrong."""
        self._position = position
        line = self._line()
        if line is not None and line[:1] != b"$":
            raise ProtocolError(f"expected '$', got {_printable(line[:1])}")
        return line

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._position, self._position + self.line_bytes_max)
        if end < 0:
            if self.pending_bytes >= self.line_bytes_max:
                raise ProtocolError("too big inline request")
            return None
        line = bytes(self._buffer[self._position : end])
        self._position = end + 1
        return line[:-1] if line.endswith(b"\r") else line

    @staticmethod
    def _length(line: bytes | bytearray, what: str, maximum: int) -> int:
        digits = line[1:]
        if not (digits.isdigit() or (digits[:1] == b"-" and digits[1:].isdigit())) or len(digits) > 20:
            raise ProtocolError(f"invalid {what} length")
        length = int(digits)
        if length > maximum:
            raise ProtocolError(f"invalid {what} length")
        return length


def encode_command(words: Iterable[bytes | str | int]) -> bytes:
    """One request as an array of bulk strings, as clients send it and as the append-only file keeps it."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    parts = [b"*%d\r\n" % len(encoded)]
    parts.extend([b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded])
    return b"".join(parts)


def encode_reply(value: Any, protocol: int) -> bytes:
    """One reply of the engine as RESP2 (`protocol=2`) or RESP3 (`protocol=3`)."""
    kind = type(value)
    if kind is bytes:
        return b"$%d\r\n%s\r\n" % (len(value), value)
    if kind is int:
        return b":%d\r\n" % value
    if value is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    if kind is SimpleString:
        return b"+%s\r\n" % value.value
    if kind is list or kind is tuple:
        return b"*%d\r\n%s" % (len(value), b"".join([encode_reply(item, protocol) for item in value]))
    if isinstance(value, SimpleError):
        return encode_error(value.value)
    if kind is bool:
        return (b"#t\r\n" if value else b"#f\r\n") if protocol == 3 else b":%d\r\n" % value
    if kind is float:
        return _double(value, protocol)
    if kind is str:
        return encode_reply(value.encode(), protocol)
    if isinstance(value, dict):
        pairs = b"".join([encode_reply(item, protocol) for pair in value.items() for item in pair])
        return (b"%%%d\r\n" % len(value) if protocol == 3 else b"*%d\r\n" % (2 * len(value))) + pairs
    raise TypeError(f"no RESP encoding for {kind.__name__}")


def encode_error(text: str) -> bytes:
    """An error line. Line breaks would end the frame early, so they become blanks, as in Redis."""
    clean = text.replace("\r", " ").replace("\n", " ")
    return b"-%s\r\n" % clean.encode("utf-8", "replace")


def encode_push(value: Sequence[Any], protocol: int) -> bytes:
    """A message the client did not ask for at this moment (pub/sub): a push in RESP3, a plain array in RESP2."""
    body = encode_reply(list(value), protocol)
    return b">" + body[1:] if protocol == 3 else body


def _double(value: float, protocol: int) -> bytes:
    whole = value.is_integer() and abs(value) < 2**53
    data = (str(int(value)) if whole else repr(value)).encode()
    return b",%s\r\n" % data if protocol == 3 else b"$%d\r\n%s\r\n" % (len(data), data)


def _printable(data: bytes) -> str:
    return repr(data)[1:] if data else "end of line"
