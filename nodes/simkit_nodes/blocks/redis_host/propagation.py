"""How a write is put into the append-only file: as something that gives the same data whenever it is replayed.

Redis calls this propagation. A command that depends on the clock, on chance or on having waited is replaced by one
that does not (EXPIRE by PEXPIREAT, SPOP by SREM, BLPOP by LPOP); everything else goes in word for word. Scripts never
appear here: their writes do, one by one, in one batch of the file. That is what Redis 7 does ("effects replication"),
and the reason holds here too: the lease scripts read TIME, so replaying their text at boot would give other deadlines
than the ones handed out.

It is not a replication stream yet: offsets and PSYNC come with replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fakeredis._core import Database

Words = list[bytes]

# Commands that cannot be replayed to the same data, or that hand the network a way in.
REFUSED: dict[str, str] = {
    "dump": "its payload is a Python pickle",
    "restore": "its payload is a Python pickle",
    "hsetex": "hash-field expiry is not replayed exactly",
    "hgetex": "hash-field expiry is not replayed exactly",
    "hexpire": "hash-field expiry is not replayed exactly",
    "hpexpire": "hash-field expiry is not replayed exactly",
    "hexpireat": "hash-field expiry is not replayed exactly",
    "hpexpireat": "hash-field expiry is not replayed exactly",
    "acl load": "it reads a file of the real machine",
    "acl save": "it writes a file of the real machine",
}
REFUSED_FAMILIES = ("function", "fcall", "topk.", "himport", "debug", "shutdown")

# Commands that change data without touching a key.
ALWAYS = frozenset({"swapdb"})
# Containers: what runs inside them is propagated instead.
CONTAINERS = frozenset({"eval", "evalsha", "exec"})

_TIMED_SETS = frozenset({"set", "setex", "psetex"})
_EXPIRIES = frozenset({"expire", "pexpire", "expireat", "pexpireat", "getex", "persist"})


def refusal(name: str) -> str | None:
    """Why this server does not offer the command, or None."""
    reason = REFUSED.get(name)
    if reason is None and name.startswith(REFUSED_FAMILIES):
        return "it is not part of this server"
    return reason


def propagate(name: str, arguments: Sequence[bytes], result: Any, database: Database) -> list[Words]:
    """The words to log for an executed write: `name` in lower case, its `arguments` and `result`, the data after it."""
    if name in _TIMED_SETS:
        value = arguments[1] if name == "set" else arguments[2]
        return [[b"SET", arguments[0], value], *_expiry(arguments[0], database, persisted=False)]
    if name in _EXPIRIES:
        return _expiry(arguments[0], database, persisted=True)
    rewrite = _REWRITES.get(name)
    if rewrite is not None:
        return rewrite(list(arguments), result)
    return [[*[word.encode() for word in name.upper().split(" ")], *arguments]]


def _expiry(key: bytes, database: Database, *, persisted: bool) -> list[Words]:
    item = database._dict.get(key)
    if item is None:
        return [[b"DEL", key]] if persisted else []
    if item.expireat is None:
        return [[b"PERSIST", key]] if persisted else []
    return [[b"PEXPIREAT", key, b"%d" % round(item.expireat * 1000)]]


def _spop(arguments: Words, result: Any) -> list[Words]:
    members = result if isinstance(result, list) else [result]
    return [[b"SREM", arguments[0], *members]] if members and members[0] is not None else []


def _list_pop(command: bytes) -> Callable[[Words, Any], list[Words]]:
    return lambda arguments, result: [[command, result[0]]]


def _sorted_set_pop(arguments: Words, result: Any) -> list[Words]:
    return [[b"ZREM", result[0], result[1]]]


def _multiple_sorted_set_pop(arguments: Words, result: Any) -> list[Words]:
    return [[b"ZREM", result[0], *[pair[0] for pair in result[1]]]]


def _multiple_list_pop(arguments: Words, result: Any) -> list[Words]:
    left = any(word.lower() == b"left" for word in arguments)
    return [[b"LPOP" if left else b"RPOP", result[0], b"%d" % len(result[1])]]


def _without_timeout(command: bytes) -> Callable[[Words, Any], list[Words]]:
    return lambda arguments, result: [[command, *arguments[:-1]]]


def _stream_add(arguments: Words, result: Any) -> list[Words]:
    for index, word in enumerate(arguments[1:], start=1):
        if word == b"*" or word.endswith(b"-*"):
            arguments[index] = bytes(result)
            break
    return [[b"XADD", *arguments]]


def _stream_claim(arguments: Words, result: Any) -> list[Words]:
    automatic = len(result) > 1 and isinstance(result[0], bytes) and isinstance(result[1], list)
    entries = result[1] if automatic else result  # XAUTOCLAIM puts a cursor before them
    identities = [entry if isinstance(entry, bytes) else entry[0] for entry in entries]
    return [[b"XCLAIM", *arguments[:3], b"0", *identities, b"JUSTID"]] if identities else []


def _group_read(arguments: Words, result: Any) -> list[Words]:
    lowered = [word.lower() for word in arguments]
    if b"block" in lowered:
        index = lowered.index(b"block")
        arguments = arguments[:index] + arguments[index + 2 :]
    return [[b"XREADGROUP", *arguments]]


_REWRITES: dict[str, Callable[[Words, Any], list[Words]]] = {
    "spop": _spop,
    "blpop": _list_pop(b"LPOP"),
    "brpop": _list_pop(b"RPOP"),
    "bzpopmin": _sorted_set_pop,
    "bzpopmax": _sorted_set_pop,
    "bzmpop": _multiple_sorted_set_pop,
    "zmpop": _multiple_sorted_set_pop,
    "blmpop": lambda arguments, result: _multiple_list_pop(arguments[1:], result),
    "lmpop": _multiple_list_pop,
    "brpoplpush": _without_timeout(b"RPOPLPUSH"),
    "blmove": _without_timeout(b"LMOVE"),
    "xadd": _stream_add,
    "xclaim": _stream_claim,
    "xautoclaim": _stream_claim,
    "xreadgroup": _group_read,
}
