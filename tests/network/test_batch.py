"""Batches: what their columns may hold, and that each row meets the network as a datagram of its own."""

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest

from simkit.hosts.host import Host
from simkit.kernel import Constant, Empirical, Exponential, LogNormal, Normal, Uniform, World
from simkit.network import Batch, Everything, Message, Network, Values
from simkit.network.endpoint import Endpoint
from simkit.network.flaw import Corruption, Duplication
from simkit.network.link import Link
from simkit.network.path import Path

MS = 1_000_000


class Sizes(Batch, tag="test.sizes/1"):
    grams: Values
    round: int = 0

    tick_ns = 10 * MS


class One(Message, tag="test.one/1"):
    """As long as a row of `Sizes`."""

    text: str


def sizes(count: int, **other: Any) -> Sizes:
    return Sizes(np.arange(count), np.arange(count) * 0.5, **other)


# -- columns


def test_a_batch_goes_through_its_bytes_and_comes_back():
    batch = Sizes(np.array([4, 2]), np.array([1.5, -2.0], dtype=np.float32), round=3)
    again = Message.decode(batch.encode())
    assert again == batch
    assert again.devices.array.tolist() == [4, 2]
    assert again.grams.array.dtype == np.float32
    assert again.round == 3


def test_columns_are_copies_that_nobody_can_change():
    grams = np.array([1.0, 2.0])
    batch = Sizes(np.array([0, 1]), grams)
    grams[0] = 7.0
    assert batch.grams.array.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        batch.grams.array[0] = 7.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        batch.grams.array.flags.writeable = True


def test_rows_can_be_taken():
    batch = sizes(4, round=9).take(np.array([3, 1]))
    assert (batch.devices.array.tolist(), batch.grams.array.tolist(), batch.round) == ([3, 1], [1.5, 0.5], 9)


@pytest.mark.parametrize(
    ("devices", "grams", "error", "text"),
    [
        (np.arange(2), np.arange(3.0), ValueError, "has 3 rows, its devices are 2"),
        (np.arange(2), [1.0, 2.0], TypeError, "is a column: an array, not a list"),
        (np.arange(2), np.array(["a", "b"]), TypeError, "holds numbers"),
        (np.arange(2), np.zeros((2, 2)), TypeError, "one dimension"),
        (np.arange(2), np.array([{}, {}]), TypeError, "holds numbers"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(devices, grams, error, text):
    with pytest.raises(error, match=text):
        Sizes(devices, grams)


@pytest.mark.parametrize(
    "column",
    [
        ["|O", b"12345678"],
        ["<f8", b"123"],
        ["<f8", b"12345678"],
        ["nonsense", b""],
        ["|V8", b""],
        [7, b""],
        ["<f8", 5],
        ["<f8"],
        7,
    ],
)
def test_bytes_that_are_no_columns_are_no_message(column: Any):
    plain = {"@": "test.sizes/1", "devices": ["<u4", b""], "grams": column, "round": 0}
    with pytest.raises(ValueError, match="not a message"):
        Message.decode(msgspec.msgpack.encode(plain))


# -- on the way


class Pair:
    """Two hosts, of which the second takes what the first sends."""

    def __init__(self, link: Link, *, strict: bool = True) -> None:
        self.world = World(3)
        self.network = Network(self.world, link, strict=strict)
        self.hosts = [Host(self.world, name, index=i) for i, name in enumerate(("a", "b"))]
        for host in self.hosts:
            self.network.attach(host)
            host.boot()
        self.one, self.other = (Endpoint(self.network, host) for host in self.hosts)
        self.came: list[tuple[int, Message]] = []
        self.other.otherwise = lambda message: self.came.append((self.world.now_ns, message))
        self.outcomes: Counter[str] = Counter()
        self.world.records.subscribe(("message",), self.told)

    def told(self, record: Any) -> None:
        outcome = record.detail[-1]
        message = None if outcome == "unreadable" else Message.decode(record.payload)
        self.outcomes[outcome] += len(message) if isinstance(message, Batch) else 1

    def rows(self) -> list[int]:
        return [device for _, batch in self.came for device in batch.devices.array.tolist()]

    def run(self, until_ns: int) -> None:
        self.world.run(until_ns)

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()


def test_rows_that_arrive_in_one_tick_come_together_at_its_end_in_the_order_of_arrival():
    with Pair(Link(one_way=Uniform(0.0, 50.0 * MS))) as pair:
        pair.one.send("b", sizes(1000))
        pair.run(100 * MS)
        assert [time_ns for time_ns, _ in pair.came] == [10 * MS, 20 * MS, 30 * MS, 40 * MS, 50 * MS]
        assert sorted(pair.rows()) == list(range(1000))
        assert pair.rows() != list(range(1000))
        assert all(150 < len(batch) < 250 for _, batch in pair.came)


def test_each_row_meets_what_a_datagram_of_its_size_would_meet():
    """With the same draws: rows and messages of the same size, one after the other, on the same path."""
    link = Link(one_way=Uniform(0.0, 50.0 * MS), loss=0.2, bandwidth=10_000_000, queue_limit=20_000)
    row = len(sizes(1).encode())
    with Pair(link) as pair, Pair(link) as single:
        pair.one.send("b", sizes(500))
        text = "x" * (row - len(One("").encode()) - 2)
        assert len(One(text).encode()) in (row, row - 1, row + 1)
        for _ in range(500):
            single.one.send("b", One(text + "x" * (row - len(One(text).encode()))))
        assert len(single.came) == 0
        pair.run(1000 * MS)
        single.run(1000 * MS)
        assert pair.outcomes == single.outcomes
        assert set(pair.outcomes) == {"delivered", "lost", "overflowed"}
        arrivals = Counter(-(-time_ns // (10 * MS)) * 10 * MS for time_ns, _ in single.came)
        assert {time_ns: len(batch) for time_ns, batch in pair.came} == arrivals


@pytest.mark.parametrize(
    "link",
    [
        Link(one_way=Constant(MS)),
        Link(one_way=Normal(0.0, 5.0 * MS)),
        Link(one_way=LogNormal(10.0 * MS, 1.0), loss=0.3),
        Link(one_way=Empirical((0.0, 1.0 * MS, 50.0 * MS)), loss=1.0),
        Link(one_way=Exponential(7.0 * MS)),
        Link(one_way=Uniform(3, 2**40)),
    ],
    ids=lambda link: type(link.one_way).__name__,
)
@pytest.mark.parametrize("faults", ["none", "latency and loss", "twice", "cut", "rejecting cut", "small"])
def test_many_packets_at_once_meet_what_they_would_one_after_the_other(link: Link, faults: str):
    def path(pair: Pair) -> Path:
        network = pair.network
        if faults in ("latency and loss", "twice"):
            for number in range(2):
                name = "" if faults == "twice" else str(number)
                network.add_latency(Everything(), Exponential(3.0 * MS), name=f"latency{name}")
                network.add_loss(Everything(), 0.2, name=f"loss{name}")
        elif "cut" in faults:
            network.cut(selector=Everything(), reject="rejecting" in faults)
        elif faults == "small":
            network.limit_packets(Everything(), 600)
        return network.path(*pair.hosts)

    with Pair(link) as first, Pair(link) as second:
        one, other = path(first), path(second)
        for size in (100, 600, 1514):
            together = one.transit_all(size, 300)
            if faults == "twice" or (faults == "small" and size > 614):
                assert together is None
            else:
                assert together.tolist() == [other.transit(size) for _ in range(300)]


def test_packets_that_depend_on_each_other_are_not_sent_at_once():
    for link in (
        Link(bandwidth=1_000_000),
        Link(duplication=Duplication(0.1)),
        Link(corruption=Corruption(0.1)),
    ):
        with Pair(link) as pair:
            assert pair.network.path(*pair.hosts).transit_all(100, 5) is None


def test_a_cut_takes_every_row_and_no_draw():
    def rows_after(cut: bool) -> list[int]:
        with Pair(Link(loss=0.5)) as pair:
            undo = pair.network.cut([["a"], ["b"]]) if cut else None
            pair.one.send("b", sizes(100))
            pair.run(10 * MS)
            if undo is not None:
                assert pair.outcomes == {"blocked": 100}
                undo()
            before = len(pair.rows())
            pair.one.send("b", sizes(100))
            pair.run(30 * MS)
            return pair.rows()[before:]

    assert rows_after(cut=True) == rows_after(cut=False)


def test_some_rows_come_twice_and_some_are_damaged():
    with Pair(Link(one_way=Constant(MS), duplication=Duplication(0.2))) as pair:
        pair.one.send("b", sizes(500))
        pair.run(100 * MS)
        counts = Counter(Counter(pair.rows()).values())
        assert 70 < counts[2] < 130
        assert counts[1] + counts[2] == 500
    with Pair(Link(one_way=Constant(MS), corruption=Corruption(0.2, unnoticed=0.5))) as pair:
        pair.one.send("b", sizes(500))
        pair.run(100 * MS)
        assert 25 < pair.outcomes["corrupted"] < 80
        assert pair.outcomes["unreadable"] > 5
        wrong = [b for _, b in pair.came if b.grams.array.tolist() != (b.devices.array * 0.5).tolist()]
        assert wrong


def test_a_batch_for_a_paused_process_waits_and_one_for_a_dead_one_is_gone():
    with Pair(Link(one_way=Constant(MS))) as pair:
        pair.hosts[1].pause()
        pair.one.send("b", sizes(100))
        pair.run(50 * MS)
        assert not pair.came
        pair.hosts[1].resume()
        pair.run(60 * MS)
        assert len(pair.rows()) == 100
        pair.hosts[1].kill()
        pair.one.send("b", sizes(100))
        pair.run(100 * MS)
        assert pair.outcomes["no process"] == 100


def test_a_batch_is_not_requested():
    with Pair(Link()) as pair:
        asking = pair.one.request("b", sizes(3), 1.0)
        with pytest.raises(TypeError, match=r"test.sizes/1 is a batch: send it"):
            asking.send(None)


def test_an_empty_batch_is_not_sent():
    with Pair(Link()) as pair:
        pair.one.send("b", sizes(0))
        pair.run(MS * 100)
        assert not pair.came
        assert not pair.outcomes
