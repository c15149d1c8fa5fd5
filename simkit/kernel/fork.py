"""One process becomes several at an instant of a run: each child goes on with the whole world as it stands.

What a world is made of, suspended coroutines, C structures, compiled buffers, cannot be copied by Python, but the
operating system copies a process by sharing its pages until one side writes to them. A child answers once, with bytes
or with a traceback, and ends.

It deliberately knows nothing of worlds. A process with more than one thread is not forked, because a child has only
the thread that forked.
"""

import os
import selectors
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

_CHUNK_BYTES = 1 << 20
_ANSWERED, _RAISED = b"\x00", b"\x01"


class ForkFailed(RuntimeError):
    """A child raised, or ended without an answer; the text holds its traceback."""


def can_fork() -> bool:
    """Return whether this process could be forked now."""
    return hasattr(os, "fork") and threading.active_count() == 1


class Forks:
    """The children of one instant.

    Args:
        at_once: how many may live side by side.

    Attributes:
        interrupted: whether `interrupt` was called: no further child is begun.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = max(1, at_once)
        self._living: dict[int, int] = {}
        self.interrupted = False

    def grow(self, numbers: Sequence[int], answer: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
        """Fork once for each number; yield (number, what `answer` returned in that child) as children end.

        Whoever leaves early takes the living children along. ForkFailed for the first child that fails.
        """
        waiting = list(reversed(numbers))
        received: dict[int, list[bytes]] = {}
        with selectors.DefaultSelector() as selector:
            try:
                while waiting or self._living:
                    while waiting and len(self._living) < self._at_once and not self.interrupted:
                        number = waiting.pop()
                        selector.register(self._begin(number, answer), selectors.EVENT_READ, number)
                        received[number] = []
                    if not self._living:
                        return
                    for key, _ in selector.select():
                        chunk = os.read(key.fd, _CHUNK_BYTES)
                        if chunk:
                            received[key.data].append(chunk)
                            continue
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        yield key.data, self._end(key.data, b"".join(received.pop(key.data)))
            finally:
                for key in list(selector.get_map().values()):
                    os.close(key.fd)
                self._kill()

    def interrupt(self) -> None:
        """Begin no further child, and interrupt the living ones, which answer early with what they have."""
        self.interrupted = True
        for child in self._living.values():
            os.kill(child, signal.SIGINT)

    def _begin(self, number: int, answer: Callable[[int], bytes]) -> int:
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            self._living[number] = child
            return reading
        # Nothing of the parent's may happen again in a child: no `finally` of its callers, no flush of its files.
        try:
            self._living.clear()
            os.close(reading)
            try:
                told = _ANSWERED + answer(number)
            except BaseException:
                told = _RAISED + traceback.format_exc().encode()
            with suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
                pipe.write(told)
        finally:
            os._exit(0)

    def _end(self, number: int, told: bytes) -> bytes:
        _, status = os.waitpid(self._living.pop(number), 0)
        if told[:1] == _ANSWERED:
            return told[1:]
        reason = told[1:].decode(errors="replace") or f"exit code {os.waitstatus_to_exitcode(status)}"
        raise ForkFailed(f"branch {number} ended without an answer: {reason}")

    def _kill(self) -> None:
        for child in self._living.values():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self._living.clear()
