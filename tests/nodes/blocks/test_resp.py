"""RESP: what goes in comes out however it is cut, and nonsense is refused at once, within its limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit_nodes.blocks.redis_host.resp import (
    ProtocolError,
    RequestParser,
    encode_command,
    encode_error,
    encode_push,
    encode_reply,
)

requests = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=6), min_size=1, max_size=6)


def parsed(data: bytes, **limits: Any) -> list[list[bytes]]:
    parser = RequestParser(**limits)
    parser.feed(data)
    found = []
    while (words := parser.take()) is not None:
        found.append(words)
    return found


@given(requests, st.lists(st.integers(1, 50), max_size=20))
def test_requests_come_out_as_they_went_in_however_the_bytes_are_cut(sent: list[list[bytes]], cuts: list[int]) -> None:
    data = b"".join(map(encode_command, sent))
    parser = RequestParser()
    received = []
    offset = 0
    for size in [*cuts, len(data)]:
        parser.feed(data[offset : offset + size])
        offset += size
        while (words := parser.take()) is not None:
            received.append(words)
    assert received == sent
    assert parser.consumed_bytes == len(data)
    assert not parser.in_frame


@given(st.binary(max_size=200), st.integers(1, 7))
def test_any_bytes_are_requests_or_a_protocol_error_and_the_cut_makes_no_difference(data: bytes, size: int) -> None:
    def outcome(pieces: list[bytes]) -> tuple[list[list[bytes]], str]:
        parser = RequestParser(bulk_bytes_max=64, words_max=16, line_bytes_max=64)
        found: list[list[bytes]] = []
        try:
            for piece in pieces:
                parser.feed(piece)
                while (words := parser.take()) is not None:
                    found.append(words)
        except ProtocolError as error:
            return found, str(error)
        return found, ""

    whole, pieces = outcome([data]), outcome([data[i : i + size] for i in range(0, len(data), size)])
    assert whole[0] == pieces[0]
    assert bool(whole[1]) == bool(pieces[1])


@given(requests)
def test_a_half_frame_is_no_request(sent: list[list[bytes]]) -> None:
    data = b"".join(map(encode_command, sent))
    parser = RequestParser()
    parser.feed(data[:-1])
    received = []
    while (words := parser.take()) is not None:
        received.append(words)
    assert received == sent[:-1]
    assert parser.in_frame


@pytest.mark.parametrize(
    "data",
    [
        b"*1\r\n$abc\r\n",
        b"*1\r\n$-5\r\n",
        b"*1\r\n:5\r\n",
        b"*x\r\n",
        b"*1\r\n$3\r\nabcde\r\n",
        b"*1\r\n$" + b"9" * 30 + b"\r\n",
        b"*99999999999\r\n",
        b"*1\r\n$\xff\r\n",
    ],
)
def test_wrong_lengths_are_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parsed(data)


def test_an_oversize_string_is_refused_by_its_header_before_it_is_stored() -> None:
    with pytest.raises(ProtocolError, match="bulk length"):
        parsed(b"*2\r\n$3\r\nSET\r\n$5000000\r\n", bulk_bytes_max=1_000_000)


def test_a_request_of_many_strings_has_a_limit_too() -> None:
    with pytest.raises(ProtocolError, match="too big request"):
        parsed(b"*3\r\n$3\r\nSET\r\n$9\r\n123456789\r\n$9\r\n", request_bytes_max=20)


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(ProtocolError, match="too big inline request"):
        parsed(b"x" * 100, line_bytes_max=100)


def test_a_line_of_words_is_a_request_as_in_telnet() -> None:
    assert parsed(b"PING\r\n\r\nSET  a b\r\n") == [[b"PING"], [b"SET", b"a", b"b"]]
    with pytest.raises(ProtocolError):
        parsed(b"PING\r\n", inline=False)


def test_empty_and_negative_arrays_are_skipped() -> None:
    assert parsed(b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n") == [[b"PING"]]


@pytest.mark.parametrize(
    ("value", "resp2", "resp3"),
    [
        (None, b"$-1\r\n", b"_\r\n"),
        (7, b":7\r\n", b":7\r\n"),
        (True, b":1\r\n", b"#t\r\n"),
        (1.5, b"$3\r\n1.5\r\n", b",1.5\r\n"),
        (2.0, b"$1\r\n2\r\n", b",2\r\n"),
        (b"a\r\nb", b"$4\r\na\r\nb\r\n", b"$4\r\na\r\nb\r\n"),
        ([b"a", [1]], b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n"),
        ({b"k": 1}, b"*2\r\n$1\r\nk\r\n:1\r\n", b"%1\r\n$1\r\nk\r\n:1\r\n"),
    ],
)
def test_replies_have_the_shape_of_each_protocol(value: Any, resp2: bytes, resp3: bytes) -> None:
    assert encode_reply(value, 2) == resp2
    assert encode_reply(value, 3) == resp3


def test_pushes_are_marked_in_resp3_only() -> None:
    assert encode_push([b"message", b"c", b"x"], 2)[:1] == b"*"
    assert encode_push([b"message", b"c", b"x"], 3)[:1] == b">"


def test_an_error_is_one_line_whatever_its_text() -> None:
    assert encode_error("ERR a\r\n-b") == b"-ERR a  -b\r\n"
