"""What a task is on the wire: a JSON object with a name and arguments, checked against the schema of its name.

Clients check before they send and workers check what they receive, because anybody can write to a Redis.
Serialization is JSON only: nothing that is read here can run code. The broker looks at nothing but size and the first
byte.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

BODY_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 64


class BadTask(ValueError):
    """Bytes that are not a task this worker knows; the text says why and becomes the dead letter's reason."""


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The task `work`: keep a slot busy, then take one effect."""

    service_ns: Annotated[int, msgspec.Meta(ge=0, le=86_400 * 10**9)]
    """Time on the worker."""
    failure: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """Chance that an attempt fails after its service time, instead of taking effect."""
    padding: str = ""
    """Payload that means nothing, for its size."""


class Overwrite(Work, frozen=True, forbid_unknown_fields=True):
    """The task `overwrite`: keep a slot busy, then write what this attempt made over what stands there for the task.

    Each attempt makes something of its own, so that each has an idempotency key of its own.
    """


SCHEMAS: dict[str, type[msgspec.Struct]] = {"work": Work, "overwrite": Overwrite}


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name, arguments and idempotency key of a task; the key defaults to the task's id."""

    name: str
    args: msgspec.Raw
    key: str = ""


_envelopes = msgspec.json.Decoder(Envelope)
_schemas = {name: msgspec.json.Decoder(schema) for name, schema in SCHEMAS.items()}


def encode_task(name: str, args: msgspec.Struct | dict[str, Any], key: str = "") -> bytes:
    """A task as bytes. Raises BadTask for an unknown name, arguments that break its schema, or too many bytes."""
    body = msgspec.json.encode({"name": name, "args": args, **({"key": key} if key else {})})
    decode_task(body)
    return body


def decode_task(body: bytes) -> tuple[str, Any, str]:
    """Name, arguments and key of a task. Raises BadTask with a reason that fits on one line."""
    if len(body) > BODY_BYTES_MAX:
        raise BadTask(f"oversize: {len(body)} bytes, {BODY_BYTES_MAX} are allowed")
    if _depth(body) > DEPTH_MAX:
        raise BadTask(f"bad JSON: nested deeper than {DEPTH_MAX}")
    try:
        envelope = _envelopes.decode(body)
    except msgspec.ValidationError as error:
        raise BadTask(f"bad task: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadTask(f"bad JSON: {error}") from None
    decoder = _schemas.get(envelope.name)
    if decoder is None:
        raise BadTask(f"unknown task {envelope.name[:64]!r}")
    try:
        return envelope.name, decoder.decode(envelope.args), envelope.key
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadTask(f"bad arguments of {envelope.name!r}: {error}") from None


def _depth(body: bytes) -> int:
    """An upper bound of the nesting depth, cheap for the flat bodies that almost all tasks have."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return 0
    depth = deepest = 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
