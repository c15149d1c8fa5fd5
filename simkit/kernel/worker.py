"""The interpreter in which worlds run: started by simkit with a fixed hash seed, one thread, virtual time and entropy.

Sets of strings are ordered by the hash seed, and libraries ask `time` and `random` whatever they like: so a run never
happens in the caller's interpreter unless asked for. A worker is warm: it serves one call after another, and what one
run leaves behind must not reach the next, which tests prove by comparing digests.

It deliberately knows nothing of scenarios. A call names a function as ``module:name`` and carries plain data.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any

ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
}
"""What is set for every worker; everything else comes from the caller's environment."""

Say = Callable[[dict[str, Any]], None]


class WorkerFailed(RuntimeError):
    """The worker ended, or the called function raised; the text holds the worker's traceback."""


class Worker:
    """The caller's end of one worker interpreter.

    Args:
        path: folders put in front of the module search path, for systems that are in no package.
    """

    def __init__(self, path: tuple[str, ...] = ()) -> None:
        command = [sys.executable, "-P", "-c", "from simkit.kernel.worker import serve; serve()", *path]
        self._process = subprocess.Popen(
            command,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is the caller's to pass on, so that a worker never dies of it before its run is told to end.
            start_new_session=True,
        )

    def begin(self, function: str, **arguments: Any) -> None:
        """Call ``module:name`` with plain data; its answers come from `answers`."""
        assert self._process.stdin is not None
        _write(self._process.stdin, {"call": function, "arguments": arguments})

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yield what the function says, last its result under the key ``result``, or ``skipped`` after `interrupt`."""
        assert self._process.stdout is not None
        while True:
            answer = _read(self._process.stdout)
            if answer is None:
                raise WorkerFailed(f"the worker ended with exit code {self._process.wait()}")
            if "raised" in answer:
                raise WorkerFailed(answer["raised"])
            yield answer
            if "result" in answer or "skipped" in answer:
                return

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function and return its result, leaving out what it says on the way."""
        self.begin(function, **arguments)
        result = None
        for answer in self.answers():
            result = answer.get("result")
        return result

    def close(self) -> None:
        """End the worker; one that does not end by itself is killed."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def interrupt(self) -> None:
        """Ask the call under way to end early with what it has."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the worker now."""
        self._process.kill()
        self.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write(pipe: IO[bytes], message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    pipe.write(len(data).to_bytes(8, "little") + data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> dict[str, Any] | None:
    head = pipe.read(8)
    if len(head) < 8:
        return None
    message: dict[str, Any] = json.loads(pipe.read(int.from_bytes(head, "little")))
    return message


def serve() -> None:
    """Serve calls until the caller closes the pipe; the main function of a worker."""
    from simkit.kernel import exchange, fence, semaphore, sleep

    # What a shell starts in the background ignores SIGINT, and so would its children; callers interrupt calls by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fence.install()
    sleep.install()
    semaphore.install()
    exchange.install()
    gc.freeze()  # says to a run that this interpreter keeps what it has; a few objects are enough for that
    sys.path[:0] = sys.argv[1:]
    # Whatever the code under test prints must not end up between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            request = _read(sys.stdin.buffer)
            if request is None:
                return
            _write(answers, _answer(request, answers))
        except (KeyboardInterrupt, BrokenPipeError):
            # Interrupted between two calls: the caller is going away, and says so by closing the pipe.
            continue


def _answer(request: dict[str, Any], answers: IO[bytes]) -> dict[str, Any]:
    try:
        module, _, name = request["call"].partition(":")
        function = getattr(importlib.import_module(module), name)
        return {"result": function(say=lambda message: _write(answers, message), **request["arguments"])}
    except KeyboardInterrupt:
        # The call was interrupted before it could end by itself; without an answer the caller would wait for ever.
        return {"skipped": True}
    except Exception:
        return {"raised": traceback.format_exc()}
