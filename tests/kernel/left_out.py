"""Which of CPython's asyncio tests are left out, and why.

It deliberately speaks of whole tests only: nothing within a test is changed.
"""

import sys
from fnmatch import fnmatchcase

DEBUG = "a host's loop has no debug mode: no tracebacks of where things were made, no checks for misuse"
THREADS = "a real thread would leave virtual time"
HOLDS = "a loop holds its tasks, so that none is dropped while it is pending"
OWN_QUEUE = "the kernel's task enters the loop's queues itself, not by `call_soon` and `call_later`"
TRACEBACK = "awaiting a cancelled task raises a new CancelledError; docs/limits.md"
REPRESENTATION = "the representation of a task names the task, not its wake-up method, among the callbacks"
RACE = "takes it that a server has accepted before the client's next step, where a simulated connection takes time"
REAL = "needs real sockets made outside of host code, threads, pipes or the stock loop itself"
UNIX = "a simulated host has no Unix sockets"
PIPES = "a simulated host has no pipes and no child processes"

LEFT_OUT = {
    "test_tasks.RunCoroutineThreadsafeTests.*": THREADS,
    "test_tasks.*.test_task_source_traceback": DEBUG,
    "test_tasks.*.test_log_destroyed_pending_task": HOLDS,
    "test_tasks.HostTask*Tests.test_error_in_call_soon": OWN_QUEUE,
    "test_tasks.HostTask*Tests.test_cancel_traceback_for_future_*": TRACEBACK,
    "test_tasks.HostTask*Tests.test_sleep_cancel": OWN_QUEUE,
    "test_tasks.HostTask*Tests.test_task_repr_wait_for": REPRESENTATION,
    "test_futures.*.test_future_source_traceback": DEBUG,
    "test_futures.*Tests.test_future_repr": DEBUG,
    "test_streams.*_unix_*": UNIX,
    "test_streams.StreamTests.test_read_all_from_pipe_reader": PIPES,
    "test_streams.StreamTests.test_loop_is_closed_resource_warnings": "nothing warns when a world is closed",
    "test_streams.StreamTests.test_drain_raises": THREADS,
    "test_streams.StreamTests.test_unhandled_exceptions": RACE,
    "test_runners.RunTests.test_asyncio_run_debug": DEBUG,
    "test_runners.RunnerTests.test_debug": DEBUG,
    "test_runners.RunnerTests.test_recursive_run": "a coroutine given to a refused `run` is closed, without a warning",
    "test_runners.RunnerTests.test_interrupt_call_soon": "polls without letting time pass, which is a livelock here",
    "test_timeouts.TimeoutTests.test_nested_timeouts_concurrent": "time.sleep in host code is refused",
    "test_timeouts.TimeoutTests.test_nested_timeouts_loop_busy": "time.sleep in host code is refused",
}


SINCE_3_13 = {
    "test_locks.ConditionTests.test_cancelled_error_re_aquire": TRACEBACK,
    "test_locks.ConditionTests.test_cancelled_error_wakeup": TRACEBACK,
    "test_streams.StreamTests.test_unclosed_server_resource_warnings": "a socket that blocks is refused",
    "test_streams.StreamTests.test_unhandled_exception": RACE,
}
if sys.version_info >= (3, 13):
    LEFT_OUT |= SINCE_3_13

_EVENTS = """run_until_complete run_until_complete_nesting run_until_complete_stopped call_later call_soon
    call_soon_threadsafe_same_thread run_in_executor_cancel create_connection create_ssl_connection
    create_connection_local_addr create_connection_local_addr_skip_different_family
    create_connection_local_addr_nomatch_family create_connection_local_addr_in_use create_server_addr_in_use
    close_running_event_loop add_fds_after_closing"""
ONLY = {"test_events": {f"test_events.HostEventLoopTests.test_{name}" for name in _EVENTS.split()}}
"""What is run of modules that are mostly about the stock loop and the operating system; the rest is left out."""


def stale_patterns(tests: list[str]) -> list[str]:
    """Return the patterns that fit none of these tests of CPython 3.11; other versions lack some of them."""
    if sys.version_info[:2] != (3, 11):
        return []
    modules = {name.partition(".")[0] for name in tests}
    patterns = [*LEFT_OUT, *(name for names in ONLY.values() for name in sorted(names))]
    ours = [pattern for pattern in patterns if pattern.partition(".")[0] in modules]
    return [pattern for pattern in ours if not any(fnmatchcase(name, pattern) for name in tests)]


def reason_to_leave_out(name: str) -> str | None:
    """Return why a test, named ``module.Class.test``, is left out; None if it runs."""
    only = ONLY.get(name.partition(".")[0])
    if only is not None and name not in only:
        return REAL
    return next((reason for pattern, reason in LEFT_OUT.items() if fnmatchcase(name, pattern)), None)
