"""A log-structured merge tree: puts with everything that follows from them, random reads, scans.

Keys are drawn at random, values of 100 bytes compress by about half; every put is a batch of its own that nobody syncs.
Puts end when nothing is left to compact. Reads and scans find a tree that was filled and compacted beforehand; what
they read is checked. Memtable, tables and levels have the same sizes wherever there are such things.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, require_items

MEMTABLE_BYTES = TABLE_BYTES = 512 * 1024
LEVEL_BYTES = 2 * 1024 * 1024
SCAN_PAIRS = 100
SAMPLES = 100


@dataclass(frozen=True)
class Operations:
    """What to do.

    Attributes:
        puts: numbers of keys, in the order in which they are put.
        gets: numbers of keys to read afterwards.
        scans: numbers of keys at which to begin to read `SCAN_PAIRS` pairs.
    """

    puts: Sequence[int]
    gets: Sequence[int]
    scans: Sequence[int]

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the puts as keys and values."""
        filling = Random(1).randbytes(50 * 1024)
        for place, number in enumerate(self.puts):
            begin = place * 50 % (50 * 1024)
            yield key_of(number), b"%050d" % place + filling[begin : begin + 50]

    def newest(self) -> dict[int, int]:
        """Return the place of the last put of every key."""
        return {number: place for place, number in enumerate(self.puts)}

    @property
    def samples(self) -> Sequence[int]:
        """A few keys to look at after the puts."""
        return self.puts[:SAMPLES]


def key_of(number: int) -> bytes:
    """Return the key of a number, 16 bytes in the order of the numbers."""
    return b"user%012d" % number


def place_of(value: bytes) -> int:
    """Return which put a value comes from."""
    return int(value[:50])


def inputs(share: float, puts: int, keys: int, gets: int, scans: int) -> Operations:
    """Return that many operations on that many keys."""
    random = Random(puts)
    written = [random.randrange(keys) for _ in range(int(puts * share))]
    return Operations(
        written,
        [random.choice(written) for _ in range(int(gets * share))],
        [random.choice(written) for _ in range(int(scans * share))],
    )


def check(given: Operations, outcome: Outcome, contender: Contender) -> None:
    """Every value read is the last one put."""
    newest = given.newest()
    if given.scans:
        ordered = sorted(newest)
        ranks = {number: rank for rank, number in enumerate(ordered)}
        wanted = [
            newest[number] for begin in given.scans for number in ordered[ranks[begin] : ranks[begin] + SCAN_PAIRS]
        ]
        require_items(outcome, len(wanted))
    else:
        read = given.gets or given.samples
        wanted = [newest[number] for number in read]
        require_items(outcome, len(given.gets or given.puts))
    if list(outcome.order) != wanted:
        raise WrongOutcome("what was read is not what was written last")


def _case(name: str, *, gets: int = 0, scans: int = 0) -> Case:
    sizes = {"small": 50, "medium": 1, "full": 1}
    parameters = {}
    for size, divisor in sizes.items():
        puts = 1_000_000 if size == "full" else 100_000 // divisor
        parameters[size] = {"puts": puts, "keys": puts // 2, "gets": gets // divisor, "scans": scans // divisor}
    return Case(name, parameters)


WORK = Work(
    name="lsm",
    title="puts, reads and scans of an ordered store",
    unit="keys",
    baseline="rocksdict",
    cases=(_case("put"), _case("get", gets=50_000), _case("scan", scans=1_000)),
    contenders=(
        Contender("simkit-python", "benchmarks.lsm.with_simkit:prepare", "the tree on a host's simulated disk"),
        Contender("simkit-memory", "benchmarks.lsm.with_simkit:prepare_memory", "the engine without a disk"),
        Contender("rocksdict", "benchmarks.lsm.with_rocksdict:prepare", "RocksDB, leveled, log without sync"),
        Contender("lmdb", "benchmarks.lsm.with_lmdb:prepare", "B+ tree in a mapped file, a transaction each, no sync"),
    ),
    inputs=inputs,
    check=check,
)
