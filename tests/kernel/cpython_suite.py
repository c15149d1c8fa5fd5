"""CPython's own tests of asyncio, run against the loop of a host.

`play` runs in a worker, as host code does: it lets every loop that the tests make be a host's, adds the kernel's task
and future to the classes that the tests go through, runs the modules, and returns counts. What is left out stands in
`left_out.py`, with the reason.

It deliberately patches how loops come to be, and nothing else of asyncio.
"""

import asyncio
import gc
import importlib
import io
import socket
import unittest
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import driven_loop
import simulated_server
from left_out import reason_to_leave_out, stale_patterns

from simkit.kernel.task import Future, Task

PACKAGE = "test.test_asyncio"


def play(modules: list[str], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Run modules; return for each what ran, was skipped by CPython itself, left out, and failed with its traceback."""
    asyncio.DefaultEventLoopPolicy._loop_factory = staticmethod(driven_loop.new_loop)  # type: ignore[attr-defined]
    utils = importlib.import_module(f"{PACKAGE}.utils")
    utils.TestLoop = driven_loop.paced_loop
    utils.run_test_server = simulated_server.run_test_server
    socket.create_server = simulated_server.create_server
    return {name: _play_module(name) for name in modules}


def _play_module(name: str) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module(f"{PACKAGE}.{name}")
        _add_kernel_types(module)
        gc.freeze()  # some tests collect a hundred times, and shall go through what they make alone
        left_out: Counter[str] = Counter()
        found: list[str] = []
        suite = unittest.TestSuite()
        for test in _flat(unittest.defaultTestLoader.loadTestsFromModule(module)):
            short = test.id().removeprefix(f"{PACKAGE}.")
            found.append(short)
            reason = reason_to_leave_out(short)
            if reason is None:
                suite.addTest(test)
            else:
                left_out[reason] += 1
        told = io.StringIO()
        result = unittest.TextTestRunner(stream=told, verbosity=0, warnings="ignore").run(suite)
    return {
        "ran": result.testsRun - len(result.skipped),
        "skipped": len(result.skipped),
        "left_out": dict(left_out),
        "failed": {test.id().removeprefix(f"{PACKAGE}."): text for test, text in result.failures + result.errors},
        "stale": stale_patterns(found),
    }


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    for each in suite:
        if isinstance(each, unittest.TestCase):
            yield each
        else:
            yield from _flat(each)


def _new_task(test: Any, loop: Any, coro: Any, name: str = "TestTask", context: Any = None, **options: Any) -> Task:
    """Make the kernel's task; it has no eager start, which newer tests mention only to say no."""
    assert not any(options.values())
    return Task(coro, loop=loop, name=name, context=context)


def _loop_for_runners(test: Any) -> Any:
    """Make what the tests of runners make of a stock loop: one that tells whether it was told to end its generators."""
    loop = driven_loop.new_loop()

    async def shutdown_asyncgens() -> None:
        loop.shutdown_ag_run = True

    loop.shutdown_ag_run = False
    loop.shutdown_asyncgens = shutdown_asyncgens
    return loop


def _add_kernel_types(module: ModuleType) -> None:
    """Let the tests that are written once for each kind of task and future go through the kernel's too."""
    name = module.__name__.rpartition(".")[2]
    case = getattr(getattr(module, "test_utils", None), "TestCase", unittest.TestCase)
    if name == "test_events":
        members = {"create_event_loop": lambda self: driven_loop.new_loop()}
        _add(module, "HostEventLoopTests", (module.EventLoopTestsMixin, case), **members)
    elif name == "test_runners":
        module.BaseTest.new_loop = _loop_for_runners  # type: ignore[attr-defined]
    elif name == "test_tasks":
        bases = (module.BaseTaskTests, case)
        _add(module, "HostTaskTests", bases, Task=Task, new_task=_new_task, Future=Future)
        _add(module, "HostTaskStockFutureTests", bases, Task=Task, new_task=_new_task, Future=asyncio.Future)
        _add(module, "StockTaskHostFutureTests", bases, Task=asyncio.Task, Future=Future)
    elif name == "test_futures":
        _add(module, "HostFutureTests", (module.BaseFutureTests, case), cls=Future)
        _add(
            module,
            "HostFutureDoneCallbackTests",
            (module.BaseFutureDoneCallbackTests, case),
            _new_future=lambda self: Future(loop=self.loop),
        )
        _add(
            module,
            "HostFutureInheritanceTests",
            (module.BaseFutureInheritanceTests, case),
            _get_future_cls=lambda self: Future,
        )


def _add(module: ModuleType, name: str, bases: tuple[type, ...], **members: Any) -> None:
    setattr(module, name, type(name, bases, {"__module__": module.__name__, **members}))
