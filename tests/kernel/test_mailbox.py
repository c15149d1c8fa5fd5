"""A mailbox gives messages in their order, to one reader, who may be cancelled without losing any."""

import asyncio
from asyncio import CancelledError
from collections.abc import Coroutine
from typing import Any

import pytest

from simkit.kernel import Mailbox, World


def started(world: World, program: Coroutine[Any, Any, Any], *, stock: bool = False) -> asyncio.Task[Any]:
    loop = world.new_loop("a")
    kind: Any = getattr(asyncio.tasks, "_CTask", asyncio.tasks._PyTask)  # type: ignore[attr-defined]
    return kind(program, loop=loop) if stock else loop.create_task(program)  # type: ignore[no-any-return]


async def reading(mailbox: Mailbox, count: int) -> list[Any]:
    return [await mailbox.get() for _ in range(count)]


@pytest.mark.parametrize("stock", [False, True])
def test_messages_are_read_in_the_order_in_which_they_came(world: World, stock: bool) -> None:
    mailbox = Mailbox()
    task = started(world, reading(mailbox, 5), stock=stock)
    for number, message in enumerate(("one", (2, 3), None, ValueError("four"))):
        world.post(number // 2 * 5, world.control, mailbox.put, message)
    world.post(20, world.control, mailbox.put, 5)
    world.run(30)
    assert repr(task.result()) == "['one', (2, 3), None, ValueError('four'), 5]"
    assert len(mailbox) == 0


def test_a_reader_who_is_cancelled_leaves_the_message(world: World) -> None:
    mailbox = Mailbox()

    async def impatient() -> str:
        try:
            async with asyncio.timeout(5e-9):
                await mailbox.get()
        except TimeoutError:
            pass
        return await mailbox.get()  # type: ignore[no-any-return]

    task = started(world, impatient())
    world.post(9, world.control, mailbox.put, "late")
    world.run(20)
    assert task.result() == "late"


def test_a_message_that_comes_with_the_cancellation_is_not_lost(world: World) -> None:
    mailbox = Mailbox()
    task = started(world, reading(mailbox, 1))

    def both() -> None:
        mailbox.put("first")
        task.cancel("now")

    world.post(5, world.control, both)
    world.run(10)
    assert task.cancelled()
    assert len(mailbox) == 1


def test_a_second_reader_is_an_error(world: World) -> None:
    mailbox = Mailbox()
    first, second = (started(world, reading(mailbox, 1)) for _ in range(2))
    world.post(5, world.control, mailbox.put, "it")
    world.run(10)
    results = [each.exception() for each in (first, second)]
    assert sorted(map(repr, results)) == ["None", "RuntimeError('somebody waits for this mailbox already')"]


def test_a_reader_who_cancels_himself_stops_at_once(world: World) -> None:
    mailbox = Mailbox()

    async def suicidal() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("myself")
        with pytest.raises(CancelledError, match="myself"):
            await mailbox.get()
        assert await mailbox.get() == "after"

    task = started(world, suicidal())
    world.post(5, world.control, mailbox.put, "after")
    world.run(10)
    assert task.exception() is None
