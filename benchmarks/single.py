"""One run of one contender in this interpreter: ``python -m benchmarks.single WORK CASE CONTENDER SIZE``.

It makes the input, sets the contender up, times it, and checks what it did; the result is one line of JSON. Every run
gets an interpreter of its own, from `rounds.py`.

It deliberately leaves the collector as each contender would find it: on, with Python's thresholds, the input frozen
out of its sight. A simkit world turns it off while it runs and collects at fixed counts of steps; so does simloom.
"""

import gc
import json
import os
import sys
import time
from typing import Any

from xxhash import xxh3_64_hexdigest

from benchmarks.registry import WORKS
from benchmarks.work import Missing, Outcome, Work


def measured(work: Work, case_name: str, contender_name: str, size: str) -> dict[str, Any]:
    """Return what one run gave, or why it could not be."""
    contender = work.contender(contender_name)
    if work.pinned:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        prepare = contender.load()
        inputs = work.inputs(contender.share, **work.case(case_name).parameters[size])
        gc.collect()
        gc.freeze()
        taken, outcome = _memory(prepare, inputs) if work.measure == "bytes" else _time(prepare, inputs, work.pinned)
    except Missing as missing:
        return {"skipped": str(missing)}
    work.check(inputs, outcome, contender)
    figures = {name: round(value, 3) for name, value in outcome.figures.items()}
    return {"taken": taken, "items": outcome.items, "order": _order_hash(outcome), "figures": figures}


def _time(prepare: Any, inputs: Any, pinned: bool) -> tuple[float, Outcome]:
    run = prepare(inputs)
    gc.collect()
    # Processor time where one core does all of the work: other jobs of the machine then count for less.
    clock_ns = time.process_time_ns if pinned else time.perf_counter_ns
    begin_ns = clock_ns()
    outcome = run()
    taken = (clock_ns() - begin_ns) / 1e9
    return taken if outcome.seconds is None else outcome.seconds, outcome


def _memory(prepare: Any, inputs: Any) -> tuple[float, Outcome]:
    before = _resident_bytes()
    run = prepare(inputs)
    outcome = run()
    gc.collect()
    after = _resident_bytes()
    run()  # it must still be there: the nodes were alive when memory was read
    return after - before, outcome


def _resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _order_hash(outcome: Outcome) -> str:
    numbers = b"".join(number.to_bytes(8, "little") for number in outcome.order)
    return xxh3_64_hexdigest(numbers + repr(outcome.end_s).encode())


if __name__ == "__main__":
    work_name, case_name, contender_name, size = sys.argv[1:]
    print(json.dumps(measured(WORKS[work_name], case_name, contender_name, size)))
    sys.stdout.flush()
    os._exit(0)  # what a contender left suspended need not be taken down in an orderly way
