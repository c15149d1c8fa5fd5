"""LMDB: a copy-on-write B+ tree in a mapped file, with a transaction for every put and no sync.

It has no log and no levels, reads need no copy into a cache, and its bindings are C.
"""

import tempfile

import lmdb

from benchmarks.lsm import SCAN_PAIRS, Operations, key_of, place_of
from benchmarks.work import Outcome, Timed

FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # kept until the interpreter ends


def prepare(given: Operations) -> Timed:
    """Open a new store, and fill it unless filling is what is timed."""
    FOLDERS.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    store = lmdb.open(FOLDERS[-1].name, map_size=1 << 30, sync=False, metasync=False)
    if not given.gets and not given.scans:
        return lambda: _put(store, given)
    _fill(store, given)

    def run() -> Outcome:
        order = []
        if given.gets:
            for number in given.gets:
                with store.begin() as transaction:
                    order.append(place_of(transaction.get(key_of(number))))
        else:
            for number in given.scans:
                with store.begin() as transaction, transaction.cursor() as cursor:
                    cursor.set_range(key_of(number))
                    for _, value in zip(range(SCAN_PAIRS), cursor.iternext(keys=False), strict=False):
                        order.append(place_of(value))
        return Outcome(len(order), None, order)

    return run


def _fill(store: lmdb.Environment, given: Operations) -> None:
    for key, value in given.pairs():
        with store.begin(write=True) as transaction:
            transaction.put(key, value)


def _put(store: lmdb.Environment, given: Operations) -> Outcome:
    _fill(store, given)
    with store.begin() as transaction:
        order = [place_of(transaction.get(key_of(number))) for number in given.samples]
    return Outcome(len(given.puts), None, order)
