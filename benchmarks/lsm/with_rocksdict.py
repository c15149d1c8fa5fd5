"""RocksDB through rocksdict, with the same sizes of memtable, tables and level 1, lz4, ten Bloom bits a key.

Its files are real, in a folder that goes with the run. Processor time includes its background threads.
"""

import re
import tempfile
import time

from rocksdict import AccessType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteOptions

from benchmarks.lsm import LEVEL_BYTES, MEMTABLE_BYTES, SCAN_PAIRS, TABLE_BYTES, Operations, key_of, place_of
from benchmarks.work import Outcome, Timed

FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # kept until the interpreter ends


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(MEMTABLE_BYTES)
    options.set_target_file_size_base(TABLE_BYTES)
    options.set_max_bytes_for_level_base(LEVEL_BYTES)
    options.set_level_compaction_dynamic_level_bytes(False)
    options.set_compression_type(DBCompressionType.lz4())
    table = BlockBasedOptions()
    table.set_block_cache(Cache(8 << 20))
    table.set_block_size(4096)
    table.set_bloom_filter(10, False)
    options.set_block_based_table_factory(table)
    options.enable_statistics()
    return options


def prepare(given: Operations) -> Timed:
    """Open a new store, and fill it unless filling is what is timed."""
    FOLDERS.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    options = _options()
    store = Rdict(FOLDERS[-1].name, options, access_type=AccessType.read_write())
    store.set_write_options(WriteOptions())
    if not given.gets and not given.scans:
        return lambda: _put(store, options, given)
    _fill(store, given)

    def run() -> Outcome:
        if given.gets:
            order = [place_of(store[key_of(number)]) for number in given.gets]
        else:
            order = []
            for number in given.scans:
                found = store.iter()
                found.seek(key_of(number))
                for _ in range(SCAN_PAIRS):
                    if not found.valid():
                        break
                    order.append(place_of(found.value()))
                    found.next()
        return Outcome(len(order), None, order)

    return run


def _fill(store: Rdict, given: Operations) -> None:
    for key, value in given.pairs():
        store[key] = value
    store.flush(True)
    while store.property_int_value("rocksdb.compaction-pending") or store.property_int_value(
        "rocksdb.num-running-compactions"
    ):
        time.sleep(0.001)


def _put(store: Rdict, options: Options, given: Operations) -> Outcome:
    _fill(store, given)
    told = options.get_statistics() or ""
    written = sum(_count(told, name) for name in ("rocksdb.flush.write.bytes", "rocksdb.compact.write.bytes"))
    put = sum(len(key) + len(value) for key, value in given.pairs())
    order = [place_of(store[key_of(number)]) for number in given.samples]
    return Outcome(len(given.puts), None, order, {"write_amplification": written / put})


def _count(told: str, name: str) -> int:
    found = re.search(rf"^{re.escape(name)} COUNT : (\d+)", told, re.MULTILINE)
    return int(found[1]) if found else 0
