"""What becomes of typed messages between a host's program and the wire, while somebody tampers with them.

A Byzantine host is one whose messages cannot be trusted. Its program is left as it is: what it says is changed, told
twice, held back or kept on its way out, as a man in the middle would who sits in the host's own network card.

It deliberately knows messages only: bytes of a plain stream are not understood, and pass as they are.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from simkit.network.message import Message

Sent = tuple[int, Message]
"""A message, and how many nanoseconds later than it should it leaves."""


class Tamper(Protocol):
    """Something that decides what a host really says."""

    def outgoing(self, target: str, message: Message) -> Iterable[Sent]:
        """Return what leaves for `target` in place of a message: the same, another, several, none."""
        ...


class Tampering:
    """Everything that tampers with one host's messages, one after the other."""

    def __init__(self) -> None:
        self._tampers: dict[object, Tamper] = {}

    def __bool__(self) -> bool:
        return bool(self._tampers)

    def add(self, tamper: Tamper) -> Callable[[], None]:
        """Tamper from now on; return what undoes it."""
        cause = object()
        self._tampers[cause] = tamper

        def undo() -> None:
            self._tampers.pop(cause, None)

        return undo

    def outgoing(self, target: str, message: Message) -> list[Sent]:
        """Return what leaves in place of a message; delays of several add up."""
        sent: list[Sent] = [(0, message)]
        for tamper in self._tampers.values():
            sent = [
                (delay_ns + more_ns, changed)
                for delay_ns, said in sent
                for more_ns, changed in tamper.outgoing(target, said)
            ]
        return sent
