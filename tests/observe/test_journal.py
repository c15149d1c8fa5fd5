"""The journal: whatever a node says is stamped with its host and virtual time."""

import asyncio
import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from simkit.kernel.world import World
from simkit.observe.journal import TEXT_MAX, HostHandler, Journal, listen

At = Callable[[float], None]


def speak(world: World, host: str, say: Callable[[], object]) -> None:
    """Run `say` as code of a host, one second after the start."""

    async def program() -> None:
        await asyncio.sleep(1)
        say()

    loop = world.new_loop(host)
    loop.host = SimpleNamespace(name=host)
    loop.create_task(program())


def test_logging_and_standard_output_carry_host_and_virtual_time(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(world.records)

    def say() -> None:
        logging.getLogger("task_queue").warning("lease %s is late", "3f2a")
        print("half", end=" ")
        print("a line")
        print("no end", end="")

    speak(world, "workers-1", say)
    with listen(world):
        world.run(2 * 10**9)
        print("the runner itself")
        logging.getLogger("simkit").warning("the runner itself")
    assert [(line.time_ns // 10**9, line.host, line.level, line.logger, line.text) for line in journal.lines()] == [
        (1, "workers-1", "WARNING", "task_queue", "lease 3f2a is late"),
        (1, "workers-1", "INFO", "stdout", "half a line"),
        (2, "workers-1", "INFO", "stdout", "no end"),
    ]
    assert capsys.readouterr().out == "the runner itself\n"


def test_a_logged_exception_has_its_traceback_and_bad_arguments_are_told(world: World) -> None:
    journal = Journal(world.records)
    logger = logging.Logger("node")  # on its own, because pytest listens to all others and raises at bad arguments
    logger.addHandler(HostHandler(world))

    def say() -> None:
        logger.info("%d tasks", "many")
        try:
            raise KeyError("3f2a")
        except KeyError:
            logger.exception("no such lease")

    speak(world, "broker", say)
    world.run(2 * 10**9)
    first, second = journal.lines()
    assert first.text.startswith("%d tasks (its arguments do not fit")
    assert second.text.startswith("no such lease\nTraceback")
    assert second.text.endswith("KeyError: '3f2a'")


def test_listening_leaves_no_trace_behind(world: World) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with listen(world, logging.DEBUG):
        pass
    assert (list(root.handlers), root.level) == before


def test_the_first_and_the_last_lines_are_kept_and_warnings_apart(world: World) -> None:
    journal = Journal(world.records, lines_max=4)
    for number in range(10):
        world.records.write("log", "a", "INFO", "node", f"line {number}")
        if number == 5:
            world.records.write("log", "a", "ERROR", "node", "rare")
    assert [line.text for line in journal.lines()] == ["line 0", "line 1", "rare", "line 8", "line 9"]
    assert journal.total == 11


def test_a_long_line_is_cut_and_says_so(world: World) -> None:
    journal = Journal(world.records)
    world.records.write("log", "a", "INFO", "node", "x" * (TEXT_MAX + 1_500))
    assert journal.lines()[0].text.endswith("x... (1,500 more characters)")


def test_events_are_counted_and_their_first_time_is_known(world: World, at: At) -> None:
    journal = Journal(world.records)
    for seconds, tag in ((1, "task.done"), (2, "task.redelivered"), (3, "task.done")):
        at(seconds)
        world.records.write("event", "a", tag)
    assert journal.event_counts == {"task.done": 2, "task.redelivered": 1}
    assert journal.first_events == {"task.done": 10**9, "task.redelivered": 2 * 10**9}
