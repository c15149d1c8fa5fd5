"""Several workers side by side: many runs of one scenario on all cores.

Each worker is an interpreter of its own, so that runs cannot touch each other; results come as they are finished, and
the caller puts them in order.

It deliberately hands out one call at a time: runs differ widely in length, and a chunk would leave a core idle.
"""

import os
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from simkit.kernel.worker import Worker


class Pool:
    """Up to `size` workers, started when they are first needed and closed together.

    Args:
        size: how many; None for one on each core.
        path: as for `Worker`.
    """

    def __init__(self, size: int | None = None, path: tuple[str, ...] = ()) -> None:
        self.size = max(1, size or os.cpu_count() or 1)
        self._path = path
        self._workers: list[Worker] = []
        self._lock = threading.Lock()
        self.interrupted = False

    def warm_up(self) -> None:
        """Start one worker now, so that it is ready when it is needed."""
        if not self._workers:
            self._workers.append(Worker(self._path))

    def map(self, function: str, calls: Iterable[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Call ``module:name`` for every set of arguments; yield (number of the call, answer) as answers arrive.

        An answer with the key ``result`` is the last of its call; one with ``raised`` stands for an exception, one
        with ``skipped`` for a call that `interrupt` kept from beginning.
        """
        jobs: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()
        count = 0
        for count, arguments in enumerate(calls, start=1):
            jobs.put((count - 1, arguments))
        answers: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()
        for worker in self._started(min(self.size, count)):
            threading.Thread(target=self._serve, args=(worker, function, jobs, answers), daemon=True).start()
        unfinished = count
        while unfinished:
            number, answer = answers.get()
            unfinished -= bool({"result", "raised", "skipped"} & answer.keys())
            yield number, answer

    def interrupt(self) -> None:
        """Begin no further call, and ask those under way to end early with what they have."""
        self.interrupted = True
        for worker in self._workers:
            worker.interrupt()

    def _serve(self, worker: Worker, function: str, jobs: Any, answers: Any) -> None:
        while True:
            try:
                number, arguments = jobs.get_nowait()
            except queue.Empty:
                return
            if self.interrupted:
                answers.put((number, {"skipped": True}))
                continue
            try:
                worker.begin(function, **arguments)
                for answer in worker.answers():
                    answers.put((number, answer))
            except Exception as failure:
                # Whatever happened to the worker, the caller must hear of this call, or it would wait for ever.
                answers.put((number, {"raised": str(failure)}))

    def _started(self, wanted: int) -> list[Worker]:
        with self._lock:
            while len(self._workers) < wanted:
                self._workers.append(Worker(self._path))
            return self._workers[:wanted]

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
