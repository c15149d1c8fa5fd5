"""A tiny engine, and a dict that knows what it must hold: what tests of the engine share.

Steps are tuples of a name and its arguments; `carry_on` goes through them on a disk.
"""

from hypothesis import strategies as st

from simkit_nodes.blocks.lsm import EngineFailed, LsmEngine, LsmOptions, OutOfSpace, WriteBatch

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


KEYS = st.integers(0, 40).map(key)
CHANGES = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=12)),
    st.tuples(st.just("put"), KEYS, st.binary(max_size=12)),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete_range"), KEYS, KEYS),
)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.lists(CHANGES, min_size=1, max_size=12), st.booleans()),
    st.tuples(st.just("write"), st.lists(CHANGES, min_size=5, max_size=12), st.booleans()),
    st.just(("flush",)),
    st.just(("compact",)),
    st.just(("snapshot",)),
    st.just(("release",)),
    st.tuples(st.just("look"), KEYS, KEYS, st.none() | st.integers(0, 5)),
    st.tuples(st.just("end"), st.sampled_from(["kill", "power_cut"])),
)
TROUBLES = st.sampled_from([("fill", 0), ("fill", 300), ("fill", 900), ("break",), ("mend",), ("mend",)])


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
        perhaps: a batch that was under way when everything ended.
    """

    def __init__(self):
        self.states = [{}]
        self.durable = 0
        self.perhaps = None

    @property
    def now(self):
        return self.states[-1]

    def add(self, batch):
        state = dict(self.now)
        carry_out(batch, state)
        self.states.append(state)

    def survived(self, found):
        """Hold what was found after a crash against what may be there, and go on from there."""
        if self.perhaps is not None:
            self.add(self.perhaps)
            self.perhaps = None
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
    snapshots, troubles = [], []
    manner = None
    while steps and manner is None:
        name, *arguments = steps.pop(0)
        if name == "write":
            manner = await write(engine, truth, batch_of(arguments[0]), sync=arguments[1])
        elif name in ("flush", "compact"):
            manner = await make_durable(truth, getattr(engine, name))
        elif name == "snapshot":
            snapshots.append((engine.snapshot(), truth.now))
        elif name == "release" and snapshots:
            snapshots.pop(len(snapshots) // 2)[0].close()
        elif name == "look":
            begin, end = sorted(arguments[:2])
            for reader, state in [(engine, truth.now), *snapshots]:
                await look(reader, state, begin, end, arguments[2])
        elif name == "fill":
            room = disk.model.capacity - disk.used - disk.health.taken
            troubles.append(disk.health.fill(max(0, room - arguments[0])))
        elif name == "break":
            troubles.append(disk.health.fail_sync("error"))
        elif name == "mend":
            while troubles:
                troubles.pop()()
        elif name == "end":
            manner = arguments[0]
    for reader, state in [(engine, truth.now), *snapshots]:
        await look(reader, state)
    assert engine.durable_sequence <= engine.sequence
    assert await engine.scrub() == []
    for undo in troubles:
        undo()
    return manner


async def write(engine, truth, batch, *, sync):
    """Write a batch; return how the process ends if the engine has failed."""
    if not batch.changes:
        return None
    truth.perhaps = batch
    try:
        await engine.write(batch, sync=sync)
    except EngineFailed:
        return "kill"
    except OutOfSpace:
        truth.perhaps = None
        return None
    truth.perhaps = None
    truth.add(batch)
    if sync:
        truth.durable = len(truth.states) - 1
    return None


async def make_durable(truth, operation):
    """Flush or compact; return how the process ends if the engine has failed."""
    try:
        await operation()
    except OutOfSpace:
        return None
    except EngineFailed:
        return "power_cut"
    truth.durable = len(truth.states) - 1
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
