"""A packet that is sent once and may be lost: how it travels, and what its end may be.

A process that runs gets it at once; for one that stands still the machine keeps it, up to the size of a socket's
buffer. What arrives at a machine without a process, or without power, is gone. A long one travels in fragments, and is
lost with any of them.

It deliberately knows nothing of what is inside: messages of nodes and UDP packets are kinds of it.
"""

from copy import copy
from typing import TYPE_CHECKING, Final

from simkit.network.flaw import Crossing, damaged
from simkit.network.link import DATAGRAM_HEADER_BYTES, FRAME_HEADER_BYTES, datagram_bytes
from simkit.network.path import ODD, OUTCOMES, REJECTED, UNDER_WAY, Path

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

    def launch(self) -> None:
        """Send it."""
        path = self.path
        self.sent_ns = path.network.world.now_ns
        size = size_on(path, len(self.payload))
        arrival_ns = path.transit(size)
        if arrival_ns >= 0:
            self.travel(arrival_ns)
        elif arrival_ns == UNDER_WAY:
            path.carry_data(size, self.launched)
        else:
            self.launched(arrival_ns)

    def travel(self, arrival_ns: int) -> None:
        """Be under way until it arrives."""
        stack = self.path.target.stack
        world = stack.world
        if stack.direct:
            world.post(arrival_ns, stack.loop, self.delivered, stack)
        else:
            world.post(arrival_ns, world.control, self._arrive_at_machine)

    def launched(self, outcome: int) -> None:
        """Take note of when it arrives, or what became of it."""
        if outcome >= 0:
            self.travel(outcome)
        elif outcome == ODD:
            self._travel_oddly(self.path.crossing)
        else:
            self.told(OUTCOMES[outcome])
            if outcome == REJECTED:
                self.rejected()

    def _travel_oddly(self, crossing: Crossing) -> None:
        """Arrive twice, or with an error that the checksum did not find."""
        if crossing.copy_ns >= 0:
            copy(self).travel(crossing.arrival_ns + crossing.copy_ns)
        if crossing.damage < 0 or self.spoil(damaged(self.payload, crossing.damage)):
            self.travel(crossing.arrival_ns)
        else:
            self.told("unreadable")

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

    def spoil(self, payload: bytes) -> bool:
        """Carry other bytes from now on; return False if nobody could make sense of them."""
        self.payload = payload
        return True

    def rejected(self) -> None:
        """Hear from a router that the target cannot be reached."""

    def delivered(self, stack: "Stack") -> None:
        """Give it to the process."""
        raise NotImplementedError

    def told(self, outcome: str) -> None:
        """Record what became of it."""
        raise NotImplementedError


def size_on(path: Path, payload: int) -> int:
    """Return the bytes on the wire of a datagram of `payload` bytes, as long as the path's packets are now."""
    size = payload + DATAGRAM_HEADER_BYTES
    if size > path.frame_bytes:
        return datagram_bytes(payload, path.look().frame_bytes - FRAME_HEADER_BYTES)
    return size
