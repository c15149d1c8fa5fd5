"""The append-only file: what was acknowledged is there after a cut at any byte, and what is there can be replayed."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis_hosts import Desk, MemoryDisk, contents

from simkit_nodes.blocks.redis_host import AppendOnlyFile, Recovery, SyncPolicy, encode_command
from simkit_nodes.blocks.redis_host.append_only_file import Replay, batch_of

batches = st.lists(
    st.lists(st.lists(st.binary(max_size=12), min_size=1, max_size=4), min_size=1, max_size=3), min_size=1, max_size=5
)


def encoded(batch: list[list[bytes]]) -> bytes:
    return batch_of(b"".join(map(encode_command, batch)))


def recovered(disk: MemoryDisk) -> tuple[Recovery, list[list[bytes]]]:
    """Replay the file of a disk."""
    commands: list[list[bytes]] = []
    file = AppendOnlyFile(disk, SyncPolicy.ALWAYS)
    return asyncio.run(file.recover(commands.append)), commands


@settings(max_examples=60, deadline=None)
@given(batches)
def test_a_cut_at_every_byte_leaves_exactly_the_whole_batches_before_it(written: list[list[list[bytes]]]) -> None:
    pieces = [encoded(batch) for batch in written]
    data = b"".join(pieces)
    ends = [sum(map(len, pieces[: count + 1])) for count in range(len(pieces))]

    async def cut_everywhere() -> None:
        for cut in range(len(data) + 1):
            disk = MemoryDisk(appendonly_aof=data[:cut])
            commands: list[list[bytes]] = []
            recovery = await AppendOnlyFile(disk, SyncPolicy.ALWAYS).recover(commands.append)
            whole = sum(end <= cut for end in ends)
            kept = ends[whole - 1] if whole else 0
            assert commands == [words for batch in written[:whole] for words in batch]
            assert (recovery.kept_bytes, recovery.truncated_bytes) == (kept, cut - kept)
            assert bytes(disk.files["appendonly.aof"]) == data[:kept]

    asyncio.run(cut_everywhere())


@settings(max_examples=60, deadline=None)
@given(batches, st.data())
def test_a_hole_of_zeros_ends_the_replay_before_it(written: list[list[list[bytes]]], data: st.DataObject) -> None:
    pieces = [encoded(batch) for batch in written]
    whole = bytearray(b"".join(pieces))
    begin = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(begin + 1, len(whole)))
    if not any(whole[begin:end]):
        return
    whole[begin:end] = bytes(end - begin)
    recovery, commands = recovered(MemoryDisk(appendonly_aof=bytes(whole)))
    intact = 0
    offset = 0
    for piece in pieces:
        if whole[offset : offset + len(piece)] != piece:
            break
        offset += len(piece)
        intact += 1
    assert commands == [words for batch in written[:intact] for words in batch]
    assert recovery.kept_bytes == offset
    assert recovery.truncated_bytes == len(whole) - offset


@given(batches, st.integers(1, 9))
def test_a_replay_does_not_depend_on_how_the_file_is_read(written: list[list[list[bytes]]], size: int) -> None:
    data = b"".join(map(encoded, written))
    commands: list[list[bytes]] = []
    replay = Replay(commands.append)
    for offset in range(0, len(data), size):
        assert replay.feed(data[offset : offset + size])
    assert commands == [words for batch in written for words in batch]
    assert replay.kept_bytes == len(data)


def test_a_flipped_bit_is_noticed_and_said() -> None:
    data = bytearray(encoded([[b"SET", b"a", b"1"]]) + encoded([[b"SET", b"b", b"2"]]))
    data[-3] ^= 1
    recovery, commands = recovered(MemoryDisk(appendonly_aof=bytes(data)))
    assert commands == [[b"SET", b"a", b"1"]]
    assert "do not give its sum" in recovery.reason


def test_a_file_that_is_not_there_is_made_and_one_that_is_something_else_is_cut_to_nothing() -> None:
    disk = MemoryDisk()
    assert recovered(disk) == (Recovery(), [])
    assert disk.exists("appendonly.aof")
    recovery, _ = recovered(MemoryDisk(appendonly_aof=b"not a log at all, and long enough to say so for sure"))
    assert recovery.kept_bytes == 0
    assert recovery.truncated_bytes == 52


async def written(policy: SyncPolicy, disk: MemoryDisk, ask: Any) -> AppendOnlyFile:
    """Run the writer of a new file while `ask` talks to it."""
    file = AppendOnlyFile(disk, policy)
    await file.recover(lambda words: None)
    writer = asyncio.create_task(file.run())
    try:
        await ask(file)
    finally:
        writer.cancel()
    return file


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_always_releases_only_after_the_sync_and_syncs_once_for_what_gathered() -> None:
    disk = MemoryDisk()

    async def ask(file: AppendOnlyFile) -> None:
        disk.hold = asyncio.Event()
        first = file.append(encode_command([b"SET", b"a", b"1"]))
        await turns()
        assert file.released == 0
        assert disk.size("appendonly.aof") > 0
        for value in range(5):
            last = file.append(encode_command([b"SET", b"b", b"%d" % value]))
        await turns()
        disk.hold.set()
        await turns()
        assert file.released == last > first
        assert disk.syncs == 2

    asyncio.run(written(SyncPolicy.ALWAYS, disk, ask))


@pytest.mark.parametrize("policy", [SyncPolicy.EVERYSEC, SyncPolicy.NEVER])
def test_other_policies_release_after_the_write(policy: SyncPolicy) -> None:
    disk = MemoryDisk()

    async def ask(file: AppendOnlyFile) -> None:
        end = file.append(encode_command([b"SET", b"a", b"1"]))
        await turns()
        assert file.released == end
        assert disk.syncs == 0

    asyncio.run(written(policy, disk, ask))


def test_the_writer_ends_with_the_error_of_a_sync_that_failed() -> None:
    async def attempt() -> None:
        disk = MemoryDisk()
        file = AppendOnlyFile(disk, SyncPolicy.ALWAYS)
        await file.recover(lambda words: None)
        disk.failing = True
        file.append(encode_command([b"SET", b"a", b"1"]))
        with pytest.raises(OSError, match="Input/output"):
            await file.run()
        assert file.released == 0

    asyncio.run(attempt())


KEY = st.sampled_from([b"a", b"b", b"c"])
NUMBER = st.integers(-3, 6).map(lambda number: b"%d" % number)
COMMANDS = st.one_of(
    st.tuples(st.just(b"SET"), KEY, NUMBER),
    st.tuples(st.just(b"SET"), KEY, NUMBER, st.just(b"PX"), st.sampled_from([b"1500", b"40000"])),
    st.tuples(st.just(b"SETNX"), KEY, NUMBER),
    st.tuples(st.just(b"INCRBY"), KEY, NUMBER),
    st.tuples(st.just(b"EXPIRE"), KEY, st.sampled_from([b"1", b"3", b"-1"])),
    st.tuples(st.just(b"PERSIST"), KEY),
    st.tuples(st.just(b"GETEX"), KEY, st.just(b"EX"), st.just(b"2")),
    st.tuples(st.just(b"DEL"), KEY, KEY),
    st.tuples(st.just(b"RENAME"), KEY, KEY),
    st.tuples(st.sampled_from([b"RPUSH", b"LPUSH"]), KEY, NUMBER, NUMBER),
    st.tuples(st.sampled_from([b"LPOP", b"RPOP"]), KEY),
    st.tuples(st.just(b"BLPOP"), KEY, KEY, st.just(b"0")),
    st.tuples(st.just(b"BLMOVE"), KEY, KEY, st.just(b"LEFT"), st.just(b"RIGHT"), st.just(b"0")),
    st.tuples(st.just(b"SADD"), KEY, NUMBER, NUMBER),
    st.tuples(st.just(b"SPOP"), KEY),
    st.tuples(st.just(b"SPOP"), KEY, st.just(b"2")),
    st.tuples(st.just(b"ZADD"), KEY, NUMBER, NUMBER),
    st.tuples(st.just(b"BZPOPMIN"), KEY, st.just(b"0")),
    st.tuples(st.just(b"ZPOPMAX"), KEY),
    st.tuples(st.just(b"HSET"), KEY, NUMBER, NUMBER),
    st.tuples(st.just(b"HINCRBY"), KEY, NUMBER, NUMBER),
    st.tuples(st.just(b"XADD"), KEY, st.just(b"*"), NUMBER, NUMBER),
    st.tuples(st.just(b"SELECT"), st.sampled_from([b"0", b"1"])),
    st.tuples(st.just(b"SWAPDB"), st.just(b"0"), st.just(b"1")),
    st.tuples(st.just(b"MOVE"), KEY, st.just(b"1")),
    st.tuples(st.just(b"FLUSHDB")),
    st.tuples(st.just(b"EVAL"), st.just(b"redis.call('SET', KEYS[1], redis.call('TIME')[1])"), st.just(b"1"), KEY),
    st.tuples(st.just(b"PASS"), st.sampled_from([0.5, 2.0, 30.0])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(COMMANDS, max_size=40), st.integers(0, 5))
def test_a_replay_gives_the_same_data_whatever_was_done(commands: list[tuple[Any, ...]], seed: int) -> None:
    desk = Desk(seed)
    log = b""
    for command in commands:
        if command[0] == b"PASS":
            desk.clock.pass_seconds(command[1])
        else:
            desk.client.execute(list(command))
        log += desk.log()
    desk.engine.expire_due()
    log += desk.log()

    other = Desk(seed + 1)
    other.clock.pass_seconds(1_000_000)
    other.engine.loading = True
    commands_replayed = Replay(other.client.execute)
    assert commands_replayed.feed(batch_of(log))
    other.engine.loading = False
    assert contents(other.engine) == contents(desk.engine)
