"""A packet that is sent once and may be lost: how it travels, and what its end may be.

A process that runs gets it at once; for one that stands still the machine keeps it, up to the size of a socket's
buffer. What arrives at a machine without a process, or without power, is gone.

It deliberately knows nothing of what is inside: messages of nodes and UDP packets are kinds of it.
"""

from typing import TYPE_CHECKING, Final

from simkit.network.link import DATAGRAM_HEADER_BYTES
from simkit.network.path import OUTCOMES, Path

if TYPE_CHECKING:
    from simkit.network.stack import Stack

RECEIVE_BUFFER_BYTES: Final = 212_992
"""What Linux keeps for a socket that nobody reads (net.core.rmem_default)."""


class Datagram:
    """One packet.

    Attributes:
        path: the way it takes.
        payload: its bytes.
        sent_ns: when it left.
    """

    __slots__ = ("path", "payload", "sent_ns")

    def __init__(self, path: Path, payload: bytes) -> None:
        self.path = path
        self.payload = payload

    def launch(self) -> int:
        """Send it; return its arrival (ns), or the outcome below zero that tells why there is none."""
        path = self.path
        self.sent_ns = path.network.world.now_ns
        arrival_ns = path.transit(len(self.payload) + DATAGRAM_HEADER_BYTES)
        if arrival_ns < 0:
            self.told(OUTCOMES[arrival_ns])
            return arrival_ns
        stack = path.target.stack
        world = stack.world
        if stack.direct:
            world.post(arrival_ns, stack.loop, self.delivered, stack)
        else:
            world.post(arrival_ns, world.control, self._arrive_at_machine)
        return arrival_ns

    def _arrive_at_machine(self) -> None:
        interface = self.path.target
        stack = interface.stack
        if not stack.running:
            self.told("no process" if interface.powered else "no power")
        elif stack.kept_bytes + len(self.payload) > RECEIVE_BUFFER_BYTES:
            self.told("overflowed")
        else:
            stack.kept_bytes += len(self.payload)
            stack.world.post(stack.world.now_ns, stack.loop, self._handed_over, stack)

    def _handed_over(self, stack: "Stack") -> None:
        stack.kept_bytes -= len(self.payload)
        self.delivered(stack)

    def delivered(self, stack: "Stack") -> None:
        """Give it to the process."""
        raise NotImplementedError

    def told(self, outcome: str) -> None:
        """Record what became of it."""
        raise NotImplementedError
