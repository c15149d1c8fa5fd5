"""A tiny engine, and a dict that knows what it must hold: what tests of the engine share.

Steps are tuples of a name and its arguments; `carry_on` goes through them on a disk.
"""

from simkit_nodes.blocks.lsm import LsmEngine, LsmOptions, WriteBatch

TINY = LsmOptions(
    memtable_bytes=400,
    block_bytes=64,
    table_bytes=200,
    level_bytes=500,
    level_factor=2,
    level_count=5,
    compact_at=2,
    slow_at=3,
    stop_at=4,
    cache_bytes=2_000,
    log_segment_bytes=300,
    log_buffer_bytes=150,
)


def key(number):
    return b"key%03d" % number


def batch_of(changes):
    batch = WriteBatch()
    for name, *arguments in changes:
        if name == "delete_range":
            arguments.sort()
        getattr(batch, name)(*arguments)
    return batch


def carry_out(batch, model):
    for name, value, end in batch:
        if end is not None:
            for covered in [each for each in model if name <= each < end]:
                del model[covered]
        elif value is None:
            model.pop(name, None)
        else:
            model[name] = value


class Truth:
    """What the engine was told, and what of it has to survive.

    Attributes:
        states: what the engine holds after each batch, from an empty one on.
        durable: how many batches were promised to survive.
    """

    def __init__(self):
        self.states = [{}]
        self.durable = 0

    @property
    def now(self):
        return self.states[-1]

    def add(self, batch):
        state = dict(self.now)
        carry_out(batch, state)
        self.states.append(state)

    def survived(self, found):
        """Hold what was found after a crash against what may be there, and go on from there."""
        for index in range(len(self.states) - 1, self.durable - 1, -1):
            if self.states[index] == found:
                del self.states[index + 1 :]
                self.durable = index
                return
        raise AssertionError(f"{found} is no state that may have survived: {self.states[self.durable :]}")


async def look(reader, truth, begin=b"", end=None, limit=None):
    pairs = sorted(truth.items())
    inside = [pair for pair in pairs if begin <= pair[0] and (end is None or pair[0] < end)]
    assert await reader.scan(begin, end, limit=limit) == inside[:limit]
    assert await reader.scan(begin, end, limit=limit, reverse=True) == inside[::-1][:limit]
    for name, value in inside[:5]:
        assert await reader.get(name) == value
    assert await reader.get(begin or b"key") == truth.get(begin)


async def carry_on(disk, truth, steps, options=TINY):
    """Open the engine and go through steps up to the next end; return how the machine is to end."""
    engine = await LsmEngine.open(disk, options)
    truth.survived(dict(await engine.scan()))
    snapshots = []
    while steps:
        name, *arguments = steps.pop(0)
        if name == "write":
            batch = batch_of(arguments[0])
            if batch.changes:
                promised = len(truth.states)
                truth.add(batch)
                await engine.write(batch, sync=arguments[1])
                if arguments[1]:
                    truth.durable = promised
        elif name in ("flush", "compact"):
            await getattr(engine, name)()
            truth.durable = len(truth.states) - 1
        elif name == "snapshot":
            snapshots.append((engine.snapshot(), truth.now))
        elif name == "release" and snapshots:
            snapshots.pop(len(snapshots) // 2)[0].close()
        elif name == "look":
            begin, end = sorted(arguments[:2])
            for reader, state in [(engine, truth.now), *snapshots]:
                await look(reader, state, begin, end, arguments[2])
        elif name == "end":
            return arguments[0]
    for reader, state in [(engine, truth.now), *snapshots]:
        await look(reader, state)
    assert engine.durable_sequence <= engine.sequence
    assert await engine.scrub() == []
    return None


def workload(count=24):
    """Return steps that fill several levels, with deletions, a snapshot and every kind of batch."""
    steps = []
    for number in range(count):
        changes = [("put", key(number * 7 % 30), bytes([65 + number]) * 20), ("put", key(number * 11 % 30), b"x")]
        if number % 5 == 4:
            changes.append(("delete", key(number)))
        if number % 8 == 7:
            changes.append(("delete_range", key(number % 30), key(number % 30 + 5)))
        steps.append(("write", changes, number % 3 == 0))
        if number == 10:
            steps.append(("snapshot",))
    return [*steps, ("compact",), ("write", [("put", key(1), b"last")], True)]
