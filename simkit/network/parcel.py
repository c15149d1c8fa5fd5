"""A message of a node on its way: a datagram whose bytes mean something.

It deliberately waits for no answer: that is the endpoint's business, which knows who asked.
"""

from typing import TYPE_CHECKING, Final

from simkit.network.datagram import Datagram
from simkit.network.message import Message
from simkit.network.path import Path

if TYPE_CHECKING:
    from simkit.network.stack import Stack

SEND: Final = "send"
REQUEST: Final = "request"
REPLY: Final = "reply"


class Parcel(Datagram):
    """A message on its way.

    Attributes:
        message: what its bytes mean.
        number: among all messages of the run; for a reply, that of the request.
        purpose: SEND, REQUEST or REPLY.
    """

    __slots__ = ("message", "number", "purpose")

    def __init__(self, path: Path, payload: bytes, message: Message, number: int, purpose: str) -> None:
        self.path = path
        self.payload = payload
        self.message = message
        self.number = number
        self.purpose = purpose

    def spoil(self, payload: bytes) -> bool:
        """Carry other bytes, which may still be a message."""
        self.payload = payload
        try:
            self.message = Message.decode(payload)
        except ValueError:
            return False
        return True

    def rejected(self) -> None:
        """Tell the node that asked; the router that rejects stands halfway, as for streams."""
        endpoint = self.path.source.stack.endpoint
        if self.purpose == REQUEST and endpoint is not None:
            endpoint.hear_rejection(self.number, self.path)

    def delivered(self, stack: "Stack") -> None:
        """Give the message to the node's endpoint."""
        endpoint = stack.endpoint
        if endpoint is None:
            self.told("no process")
        else:
            self.told("delivered")
            endpoint.receive(self)

    def told(self, outcome: str) -> None:
        """Record what became of the message."""
        path, message = self.path, self.message
        path.records.write(
            "message",
            path.target.name,
            path.source.name,
            message.wire_tag,
            self.number,
            self.purpose,
            outcome,
            payload=self.payload,
            value=self.sent_ns,
        )
