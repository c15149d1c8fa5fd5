"""Where the compiled core runs it carries plain messages; here it gets the classes whose objects it reads.

What it takes over is `Endpoint.send` and what follows it, as long as nothing but latency can happen to the message, and
`Message.encode` of plain values; the twins are `port.c`, `arrival.c` and `wire.c` in `kernel/core/`. Batches are never
plain.

It deliberately changes nothing where the core in Python runs, and decides nothing about messages.
"""

from simkit.kernel import Constant, Exponential, LogNormal, Normal, Uniform
from simkit.kernel.core import compiled
from simkit.network.batch import Batch
from simkit.network.endpoint import Endpoint
from simkit.network.handlers import Handler, Origin, current_origin
from simkit.network.interface import Interface
from simkit.network.link import DATAGRAM_HEADER_BYTES
from simkit.network.message import Message
from simkit.network.network import Network
from simkit.network.parcel import REPLY, REQUEST, SEND, Parcel
from simkit.network.path import Path
from simkit.network.stack import Stack

if compiled is not None:
    compiled.carry_messages(
        {
            "endpoint": Endpoint,
            "network": Network,
            "interface": Interface,
            "stack": Stack,
            "path": Path,
            "parcel": Parcel,
            "handler": Handler,
            "batch": Batch,
            "message": Message,
            "constant": Constant,
            "exponential": Exponential,
            "uniform": Uniform,
            "normal": Normal,
            "lognormal": LogNormal,
            "origin": Origin,
            "current_origin": current_origin,
            "send": SEND,
            "request": REQUEST,
            "reply": REPLY,
            "header_bytes": DATAGRAM_HEADER_BYTES,
        }
    )
