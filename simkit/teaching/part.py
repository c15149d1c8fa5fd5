"""A student's class, used from a world: the caller's end of `enclosure`, and the stand-in that a node holds.

An answer is a line of JSON of limited length, checked against the type that the exercise declares. Whatever else comes
back (nothing in time, an end of the process, something unreadable) is a failure of the part, with one sentence.

It deliberately trusts nothing from the other side, and gives it nothing but the arguments of its methods.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from simkit.card import Card, Exercise
from simkit.kernel.fence import outside
from simkit.kernel.worker import ENVIRONMENT
from simkit.teaching.meter import OPERATIONS_MAX, TOO_MANY_OPERATIONS

ANSWER_BYTES_MAX = 64 << 10
ANSWER_SECONDS_MAX = 30.0
"""Real time for one answer: far more than the operations take, so that only one endless operation meets it."""

CALLS_MAX = 1_000_000
SOURCE_BYTES_MAX = 256 << 10

# The real clock, asked outside of every host.
_real_seconds = time.perf_counter  # noqa: TID251

_KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH", "SIMKIT_PURE_PYTHON", "VIRTUAL_ENV", "SYSTEMROOT")


class PartFailed(Exception):
    """The solution did not answer as it should; the text says how, in one sentence."""


class Part:
    """One student's class in a process of its own; `close` ends it.

    Args:
        source: the solution's text.
        name: of the class.
        seed: of the host on which it runs.
        file: what tracebacks call the solution: the name under which its author knows it.

    Attributes:
        failure: the first thing that was wrong, "" if nothing was.
    """

    def __init__(self, source: str, name: str, seed: int, file: str = "solution.py") -> None:
        self.failure = ""
        self._calls = 0
        self._left = b""
        # Nothing of the caller's environment but where programs are: a secret in it stays there.
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | ENVIRONMENT
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from simkit.teaching.enclosure import serve; serve()"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._send({"source": source, "class": name, "seed": seed, "file": file})
            self._answer()
        except PartFailed:
            self.close()
            raise

    def make(self) -> int:
        """Make an instance and return its number."""
        number = self._ask({"make": True})
        if not isinstance(number, int):
            raise self._failed("it cannot be made")
        return number

    def call(self, number: int, method: str, arguments: tuple[Any, ...]) -> Any:
        """Call a method of an instance with plain data and return what it returned. PartFailed if it did not."""
        return self._ask({"of": number, "call": method, "arguments": arguments})

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _ask(self, request: Mapping[str, Any]) -> Any:
        if self.failure:
            raise PartFailed(self.failure)
        self._calls += 1
        if self._calls > CALLS_MAX:
            raise self._failed(f"it was called more than {CALLS_MAX:,} times")
        self._send(request)
        return self._answer()

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._failed(self._how_it_ended()) from None

    def _answer(self) -> Any:
        try:
            answer = json.loads(self._line())
            if not isinstance(answer, dict) or not answer.keys() & {"returned", "raised"}:
                raise ValueError
        except (ValueError, RecursionError):
            raise self._failed("it wrote something else than an answer") from None
        if "raised" in answer:
            raise self._failed(str(answer["raised"])[:2_000])
        return answer["returned"]

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        deadline = _real_seconds() + ANSWER_SECONDS_MAX
        while b"\n" not in self._left:
            if len(self._left) > ANSWER_BYTES_MAX:
                raise self._failed(f"an answer was longer than {ANSWER_BYTES_MAX:,} bytes")
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - _real_seconds()))
            if not ready:
                raise self._failed("a call did not come back")
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                raise self._failed(self._how_it_ended())
            self._left += data
        line, _, self._left = self._left.partition(b"\n")
        return line

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.poll()
        if code == TOO_MANY_OPERATIONS:
            return f"a call took more than {OPERATIONS_MAX:,} operations of the interpreter"
        if code is not None and code < 0:
            return "its process was ended: it used too much time or memory"
        return f"its process ended by itself, with code {code}"

    def _failed(self, text: str) -> PartFailed:
        self.failure = self.failure or text
        return PartFailed(self.failure)


def stand_in(part: Part, name: str, exercise: Exercise) -> type[Any]:
    """Return a class with the exercise's methods, each answered by the student's class of that name."""

    class StandIn:
        def __init__(self) -> None:
            with outside():
                self._number = part.make()

    def method(word: str, kind: Any) -> Any:
        def asked(self: Any, *arguments: Any) -> Any:
            with outside():
                value = part.call(self._number, word, arguments)
                try:
                    return msgspec.convert(value, kind, strict=True)
                except msgspec.ValidationError:
                    wanted = "None" if kind is None else kind.__name__
                    raise part._failed(f"{name}.{word} must return {wanted}, not {json.dumps(value)[:60]}") from None

        return asked

    for word, kind in exercise.methods.items():
        setattr(StandIn, word, method(word, kind))
    StandIn.__name__ = name
    return StandIn


def with_part(card: Card, exercise: Exercise, stand: type[Any]) -> Card:
    """Return a card whose node has a student's part in place of its own."""
    role = card.roles[exercise.role]
    node = type(role.node.__name__, (role.node,), {exercise.attribute: stand, "__module__": role.node.__module__})
    roles = {**card.roles, exercise.role: replace(role, node=node)}
    return replace(card, roles=roles)
