"""The workloads: what one arrival asks, and how the history tells it.

YCSB's A, B, C and F (Cooper et al., SoCC 2010) with keys chosen by Zipf's law, F in transactions at a gateway's time;
reads of what those keys were some time ago; transfers between accounts and their total; lists that transactions append
to and read, in the form of Elle; new keys, and reading all of them back.

It deliberately draws everything from the client's own stream, in an order that the arrival alone decides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Protocol

from simkit.kernel import Stream, arithmetic
from simkit.network.message import Message
from simkit_nodes.database.config import DatabaseLoad
from simkit_nodes.database.programs import Execute, ReadPast, SingleGet, SinglePut, Step
from simkit_nodes.database.ranges.bootstrap import numbered_key, place_key, space_bounds

BALANCE = 1000
"""What an account begins with; one that was never written has it."""


class Asker(Protocol):
    """What a workload needs of its client."""

    name: str
    random: Stream
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Request:
    """One transaction.

    Attributes:
        message: for the gateway.
        function, given: how the history tells of it.
        output: what the history tells of the results.
    """

    message: Message
    function: str
    given: Any
    output: Callable[[Any], Any]


@lru_cache(maxsize=64)
def zipf_shares(count: int, exponent: float) -> tuple[float, ...]:
    """Return the chance of each rank or a lower one, for `count` ranks with weights rank ** -exponent."""
    sums = list(accumulate(arithmetic.exp(-exponent * arithmetic.log(rank)) for rank in range(1, count + 1)))
    return tuple(each / sums[-1] for each in sums)


def chosen(asker: Asker, load: DatabaseLoad) -> int:
    """Choose one of the load's keys by Zipf's law; popular ones do not lie side by side."""
    rank = bisect_left(zipf_shares(load.keys, load.zipf), asker.random.random())
    return min(rank, load.keys - 1) * 2_654_435_761 % load.keys if load.keys > 1 else 0


def _next(asker: Asker, what: str) -> int:
    asker.numbers[what] = number = asker.numbers.get(what, 0) + 1
    return number


def _ycsb(share: float, *, reads_first: bool) -> Callable[[Asker, DatabaseLoad], Request]:
    def request(asker: Asker, load: DatabaseLoad) -> Request:
        changes = asker.random.chance(share)
        key = numbered_key("users", chosen(asker, load), load.keys)
        name = key.decode()
        if not changes:
            read = Execute((Step("read", key),), load.isolation) if reads_first else SingleGet(key)
            return Request(read, "get", name, lambda results: text(results[0]))
        value = f"{asker.name}:{_next(asker, 'ycsb')}".ljust(int(load.value), ".")
        if reads_first:
            steps = (Step("read", key), Step("write", key, value.encode()))
            return Request(Execute(steps, load.isolation), "put", [name, value], lambda results: None)
        return Request(SinglePut(key, value.encode()), "put", [name, value], lambda results: None)

    return request


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _transfer(asker: Asker, load: DatabaseLoad) -> Request:
    source, target = chosen(asker, load), chosen(asker, load)
    if source == target:
        target = (source + 1) % load.keys
    amount = 1 + asker.random.below(10)
    steps = tuple(
        Step("add", numbered_key("accounts", account, load.keys), amount=change, at_least=-BALANCE)
        for account, change in ((source, -amount), (target, amount))
    )
    return Request(Execute(steps, load.isolation), "transfer", [source, target, amount], lambda results: None)


def _total(asker: Asker, load: DatabaseLoad) -> Request:
    begin, end = space_bounds("accounts")

    def output(results: Any) -> Any:
        return sum(int(value) for _, value in results[0])

    return Request(Execute((Step("scan", begin, end=end),), load.isolation), "total", None, output)


def _append(asker: Asker, load: DatabaseLoad) -> Request:
    steps, given = [], []
    for _ in range(1 + asker.random.below(load.length)):
        number = chosen(asker, load)
        key = numbered_key("lists", number, load.keys)
        if asker.random.chance(0.5):
            steps.append(Step("read", key))
            given.append(["read", number, None])
        else:
            element = f"{asker.name}:{_next(asker, 'append')}"
            steps.append(Step("append", key, element.encode()))
            given.append(["append", number, element])

    def output(results: Any) -> Any:
        return [
            [kind, key, [] if read is None else read.decode().split(" ")] if kind == "read" else [kind, key, element]
            for (kind, key, element), read in zip(given, results, strict=True)
        ]

    return Request(Execute(tuple(steps), load.isolation), "transaction", given, output)


def _insert(asker: Asker, load: DatabaseLoad) -> Request:
    name = f"{asker.name}:{_next(asker, 'insert')}"
    key = place_key("new", asker.random.bits64() >> 32) + b"/" + name.encode()
    return Request(Execute((Step("write", key, b"1"),), load.isolation), "insert", name, lambda results: None)


def _readback(asker: Asker, load: DatabaseLoad) -> Request:
    begin, end = space_bounds("new")

    def output(results: Any) -> Any:
        return [key.partition(b"/")[2].decode() for key, _ in results[0]]

    return Request(Execute((Step("scan", begin, end=end),), load.isolation), "readback", None, output)


def _past(*, bounded: bool) -> Callable[[Asker, DatabaseLoad], Request]:
    def request(asker: Asker, load: DatabaseLoad) -> Request:
        chosen_keys = dict.fromkeys(chosen(asker, load) for _ in range(1 + asker.random.below(load.length)))
        keys = tuple(numbered_key("users", each, load.keys) for each in chosen_keys)
        given = [int(load.age), [key.decode() for key in keys]]
        function = "read_within" if bounded else "read_as_of"
        message = ReadPast(keys, int(load.age), bounded)
        return Request(message, function, given, lambda results: [text(each) for each in results])

    return request


def _of_archives(asker: Asker, load: DatabaseLoad) -> Request:
    raise ValueError(f"{asker.name} cannot take the workload {load.workload}: it is for hosts with the role archive")


WORKLOADS: dict[str, Callable[[Any, DatabaseLoad], Request]] = {
    "ycsb_a": _ycsb(0.5, reads_first=False),
    "ycsb_b": _ycsb(0.05, reads_first=False),
    "ycsb_c": _ycsb(0, reads_first=False),
    "ycsb_f": _ycsb(0.5, reads_first=True),
    "transfer": _transfer,
    "total": _total,
    "append": _append,
    "insert": _insert,
    "readback": _readback,
    "read_as_of": _past(bounded=False),
    "read_within": _past(bounded=True),
    "backup": _of_archives,
    "restore": _of_archives,
}
