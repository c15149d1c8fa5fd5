"""The write-ahead log: numbers, groups, segments, and what it finds after every kind of end.

It deliberately knows what a program was told: what was said to be durable must be there, what was not may be there as a
prefix, and nothing else may.
"""

import asyncio
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_machine import QUICK, Crashed, Machine

from simkit_nodes.blocks.write_ahead_log import LogCorrupt, LogFailed, WriteAheadLog
from simkit_nodes.blocks.write_ahead_log.frame import FRAME_BYTES, MAGIC, frame, read_frames

PATH = "log/"


@pytest.fixture
def machine():
    with closing(Machine()) as machine:
        yield machine


async def opened(disk, since=None, segment_bytes=200):
    """Return the log and what it replayed."""
    records = {}
    log = await WriteAheadLog.open(disk, PATH, records.__setitem__, since=since, segment_bytes=segment_bytes)
    return log, records


async def replayed(disk, since=None):
    return (await opened(disk, since))[1]


async def filled(disk, count=9, size=40):
    log, _ = await opened(disk)
    for number in range(1, count + 1):
        log.append(bytes([number]) * size)
        await log.sync()
    return log


def records(count, size=40):
    return {number: bytes([number]) * size for number in range(1, count + 1)}


# -- records and groups


def test_records_are_numbered_from_one_and_come_back_in_order(machine):
    machine.run(filled)
    assert list(machine.run(replayed).items()) == list(records(9).items())
    assert list(machine.run(replayed, 7)) == [7, 8, 9]


def test_an_empty_record_and_a_large_one_are_records(machine):
    async def program(disk):
        log, _ = await opened(disk)
        for payload in (b"", bytes(5_000), b"", MAGIC * 100):
            log.append(payload)
        await log.sync()

    machine.run(program)
    assert list(machine.run(replayed).values()) == [b"", bytes(5_000), b"", MAGIC * 100]


def test_whoever_asks_during_a_sync_shares_the_next_one(machine):
    async def program(disk):
        log, _ = await opened(disk, segment_bytes=10**6)
        done = []

        async def one(number):
            log.append(b"x")
            await log.sync()
            assert log.durable >= number
            done.append(number)

        first = asyncio.create_task(one(1))
        await asyncio.sleep(1e-6)
        await asyncio.gather(first, *(one(number) for number in range(2, 50)))
        return log.syncs, done

    syncs, done = machine.run(program)
    assert syncs == 2
    assert done == list(range(1, 50))


def test_what_is_durable_already_is_not_waited_for(machine):
    async def program(disk):
        log = await filled(disk, 3)
        log.append(b"later")
        before = log.syncs
        await log.sync(3)
        assert (log.syncs, log.durable, log.last) == (before, 3, 4)
        await log.write()
        assert (log.written, log.durable) == (4, 3)
        with pytest.raises(ValueError, match="record 5 has not been appended"):
            await log.sync(5)

    machine.run(program)


def test_somebody_who_stops_waiting_disturbs_nobody(machine):
    async def program(disk):
        log, _ = await opened(disk)
        log.append(b"a")
        hasty = asyncio.create_task(log.sync())
        patient = asyncio.create_task(log.sync())
        await asyncio.sleep(0)
        hasty.cancel()
        await patient
        return log.durable

    assert machine.run(program) == 1


# -- segments


def test_segments_follow_each_other_and_old_ones_are_cut(machine):
    async def program(disk):
        log = await filled(disk)
        names = disk.names(PATH)
        assert [int(name[len(PATH) :]) for name in names] == [1, 4, 7]
        assert log.size == sum(map(disk.size, names))
        await log.cut(7)
        assert (log.first, disk.names(PATH)) == (7, names[2:])
        await log.cut(100)
        assert log.size == disk.size(names[2])
        log.rotate()
        log.append(b"ten")
        await log.sync()
        await log.cut(10)
        assert log.first == 10

    machine.run(program)
    assert machine.run(replayed, 10) == {10: b"ten"}


@pytest.mark.parametrize("number", [4, 7])
def test_a_missing_segment_is_told(machine, number):
    machine.run(filled)

    async def lose(disk):
        await disk.delete(f"{PATH}{number:020d}")

    machine.run(lose)
    if number == 4:
        with pytest.raises(LogCorrupt, match=r"log/0*7: the segment with record 4 is missing"):
            machine.run(replayed)
    else:
        with pytest.raises(LogCorrupt, match="ends with record 6, and record 8 had been synced"):
            machine.run(replayed, 9)


def test_a_log_that_begins_too_late_is_told(machine):
    async def program(disk):
        await (await filled(disk)).cut(7)

    machine.run(program)
    assert list(machine.run(replayed)) == [7, 8, 9]
    with pytest.raises(LogCorrupt, match="begins with record 7, and record 3 is wanted"):
        machine.run(replayed, 3)


# -- crashes


async def work(disk, told):
    """Append, write, sync and cut, saying in `told` what has been promised."""
    log, _ = await opened(disk)
    for number in range(log.last + 1, log.last + 15):
        payload = bytes([number]) * (number * 7 % 60)
        told["appended"][number] = payload
        log.append(payload)
        if number % 4 == 0:
            await log.write()
            told["written"] = log.written
        if number % 3 == 0:
            await log.sync()
            told["durable"] = log.durable
        if number == 10:
            told["first"] = 7
            await log.cut(7)


def check_promises(found, told, manner):
    kept = told["durable"] if manner == "power_cut" else max(told["durable"], told["written"])
    first = min(found, default=told["first"])
    last = max(found, default=0)
    assert first <= told["first"]
    assert list(found) == list(range(first, last + 1))
    assert last >= kept
    assert all(payload == told["appended"][number] for number, payload in found.items())


def points_of(program, *arguments):
    with closing(Machine()) as machine:
        machine.run(program, *arguments)
        return machine.points


def fresh():
    return {"appended": {}, "written": 0, "durable": 0, "first": 1}


@pytest.mark.parametrize("manner", ["kill", "power_cut"])
def test_what_was_durable_is_there_after_a_crash_at_every_point(manner):
    points = points_of(work, fresh())
    assert points > 30
    for ordinal in range(1, points + 1):
        for seed in range(3):
            with closing(Machine(seed)) as machine:
                told = fresh()
                machine.crash_at(ordinal, manner)
                with pytest.raises(Crashed):
                    machine.run(work, told)
                check_promises(machine.run(replayed), told, manner)


def test_a_crash_at_every_point_of_the_recovery_loses_nothing_either():
    for ordinal in range(1, 12):
        with closing(Machine(ordinal)) as machine:
            told = fresh()
            machine.crash_at(30, "power_cut")
            with pytest.raises(Crashed):
                machine.run(work, told)
            call_off = machine.crash_at(ordinal, "power_cut")
            try:
                found = machine.run(replayed)
            except Crashed:
                found = machine.run(replayed)
            call_off()
            check_promises(found, told, "power_cut")


# -- what is torn, and what is rotten


def test_a_torn_end_is_cut_off_and_the_log_goes_on():
    whole = b"".join(frame(number, b"payload", 0) for number in range(1, 4))
    for size in range(len(whole)):
        reading = read_frames(whole[:size], 1)
        assert len(reading.records) == size // (FRAME_BYTES + 7)
        assert bool(reading.fault) == bool(size % (FRAME_BYTES + 7))
        assert reading.witness is None


def test_a_hole_in_what_was_never_synced_is_a_torn_end():
    frames = [frame(1, b"payload", 0), *(frame(number, b"payload", 1) for number in range(2, 6))]
    size = len(frames[0])
    content = b"".join([*frames[:2], bytes(size), *frames[3:]])
    reading = read_frames(content, 1)
    assert (len(reading.records), reading.end, reading.witness) == (2, 2 * size, None)


@given(st.integers(0, 8 * (FRAME_BYTES + 40) * 6 - 1))
@settings(max_examples=200)
def test_a_flipped_bit_in_what_was_synced_is_told_from_a_torn_end(bit):
    size = FRAME_BYTES + 40
    content = bytearray(b"".join(frame(number, bytes(40), number - 1) for number in range(1, 7)))
    content[bit // 8] ^= 1 << bit % 8
    reading = read_frames(bytes(content), 1)
    bad = bit // 8 // size
    assert (len(reading.records), reading.end) == (bad, bad * size)
    assert reading.witness == (None if bad == 5 else (bad + 1) * size)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_the_reader_hang_or_believe(data):
    pieces = st.one_of(
        st.binary(max_size=30),
        st.just(MAGIC),
        st.builds(frame, st.integers(1, 5), st.binary(max_size=20), st.integers(0, 6)),
    )
    content = b"".join(data.draw(st.lists(pieces, max_size=12)))
    reading = read_frames(content, 1)
    assert content.startswith(b"".join(_frame_of(content, number) for number in range(1, len(reading.records) + 1)))
    assert reading.end <= len(content)


def _frame_of(content, number):
    offset, seen = 0, 0
    while True:
        length = int.from_bytes(content[offset + 8 : offset + 12], "little")
        seen += 1
        if seen == number:
            return content[offset : offset + FRAME_BYTES + length]
        offset += FRAME_BYTES + length


def test_magic_words_without_end_are_read_in_bounded_time():
    greedy = MAGIC + bytes(4) + (2**16).to_bytes(4, "little") + (9).to_bytes(8, "little") + bytes(8)
    content = greedy * 20_000
    assert read_frames(content, 1).witness is not None  # given up: taken for rotten


@pytest.mark.parametrize("segment", [1, 4])
def test_rot_in_a_sealed_segment_is_never_a_torn_end(machine, segment):
    machine.run(filled)
    name = f"{PATH}{segment:020d}"
    content = machine.content()[name]
    machine.put(name, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(LogCorrupt, match=rf"{name}: no whole frame at byte 136, and another segment follows"):
        machine.run(replayed)


def test_rot_in_the_middle_of_the_last_segment_is_told(machine):
    machine.run(filled)
    name = f"{PATH}{7:020d}"
    content = machine.content()[name]
    machine.put(name, content[:40] + b"?" + content[41:])
    with pytest.raises(LogCorrupt, match="at byte 0, which had been synced according to the frame at byte 68"):
        machine.run(replayed)


# -- a disk that fails


def test_after_a_failed_sync_the_log_fails_and_opening_it_makes_true_what_it_shows(machine):
    async def program(disk):
        log = await filled(disk, 2)
        undo = disk.health.fail_sync("error")
        log.append(b"lost")
        with pytest.raises(LogFailed):
            await log.sync()
        undo()
        for attempt in (log.sync, log.write):
            with pytest.raises(LogFailed):
                await attempt()
        with pytest.raises(LogFailed):
            log.append(b"more")
        assert log.durable == 2

    async def reopened(disk):
        log, found = await opened(disk)
        assert log.durable == len(found)
        return found

    machine.run(program)
    found = machine.run(reopened)  # the page cache still shows the third record
    assert list(found) == [1, 2, 3]
    machine.host.power_cut()
    assert machine.run(replayed) == found


def test_a_lying_drive_is_found_out_when_the_power_goes():
    outcomes = set()
    for seed in range(20):
        with closing(Machine(seed)) as machine:
            machine.disk.health.fail_sync("lie")
            machine.run(filled)
            machine.host.power_cut()
            try:
                outcomes.add(len(machine.run(replayed)))
            except LogCorrupt:
                outcomes.add("corrupt")
    assert "corrupt" in outcomes


def test_a_full_disk_takes_nothing_and_goes_on_when_there_is_room(machine):
    async def program(disk):
        log = await filled(disk, 2)
        undo = disk.health.fill(disk.model.capacity - disk.used - 50)
        log.append(b"x" * 100)
        for attempt in (log.sync, log.write):
            with pytest.raises(OSError, match=r"^\[Errno 28\]"):
                await attempt()
        assert (log.last, log.written, log.durable) == (3, 2, 2)
        log.append(b"y" * 100)
        log.discard(3)
        assert (log.last, log.buffered) == (3, 100 + FRAME_BYTES)
        undo()
        await log.sync()
        assert log.durable == 3
        with pytest.raises(ValueError, match="record 3 may be written"):
            log.discard(2)

    machine.run(program)
    assert machine.run(replayed)[3] == b"x" * 100


def test_a_log_on_a_full_disk_can_be_read_and_is_written_anew_when_there_is_room(machine):
    machine.run(filled, 2)
    undo = machine.disk.health.fill(machine.disk.model.capacity - machine.disk.used)

    async def program(disk):
        log, found = await opened(disk)
        assert (list(found), log.durable) == ([1, 2], 0)
        with pytest.raises(OSError, match=r"^\[Errno 28\]"):
            await log.sync()
        undo()
        log.append(b"three")
        await log.sync()
        assert log.durable == 3

    machine.run(program)
    machine.host.power_cut()
    assert list(machine.run(replayed)) == [1, 2, 3]


def test_a_record_that_is_too_large_is_refused(machine):
    class Huge(bytes):
        def __len__(self):
            return 2**30 + 1

    async def program(disk):
        log, _ = await opened(disk)
        with pytest.raises(ValueError, match="at most 1073741824 bytes"):
            log.append(Huge())

    machine.run(program)
    assert QUICK.capacity == 2**30
