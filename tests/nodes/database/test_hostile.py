"""What a hostile host says to a store and to a gateway: it is refused or dropped, nobody is let in, nothing is lost."""

import asyncio
import struct
import typing

import msgspec
import pytest
from cluster_site import SECOND, STORES, Cluster
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.network.channel import FRAME_BYTES_MAX
from simkit.network.endpoint import CHANNEL_PORT
from simkit.network.errors import RemoteError, RequestTimeout
from simkit_nodes.blocks.raft import AppendEntries, InstallSnapshot, RequestVote
from simkit_nodes.database.clock_watch import ClockProbe
from simkit_nodes.database.errors import RangeMismatch
from simkit_nodes.database.events import MessageRefused
from simkit_nodes.database.messages import Batch, EndTransaction, Put, Reason, Reply, ResolveIntents, Scan
from simkit_nodes.database.mvcc.record import Status
from simkit_nodes.database.programs import STEPS_MAX, Execute, Executed, SingleGet, SinglePut, Step
from simkit_nodes.database.range import Command, RangeDescriptor, SplitTrigger
from simkit_nodes.database.replication.messages import ChunkTaken, RaftTraffic, ReplicaRemoved, Routed, SnapshotChunk
from simkit_nodes.database.replication.snapshots import Manifest
from simkit_nodes.database.replication.state import ReplicaState
from simkit_nodes.database.sql.messages import SqlClose, SqlRequest


@pytest.fixture
def cluster():
    cluster = Cluster()
    assert cluster.run(("write", b"kept", b"1"), ("write", b"kept too", b"2")).outcome == "committed"
    yield cluster
    cluster.close()


def serves(cluster):
    """What was there is there, and more can be written."""
    cluster.elapse(1)
    assert all(host.running for host in cluster.hosts.values())
    assert cluster.run(("read", b"kept"), ("read", b"kept too")).results == (b"1", b"2")
    assert cluster.run(("add", b"asked"), ("read", b"nothing")).outcome == "committed"


def terms(cluster):
    return {
        (name, range_id): replica.raft.current_term
        for name in STORES
        for range_id, replica in cluster.nodes[name].store.replicas.items()
    }


# -- a stream that is no channel


def frame(payload, purpose=1, number=1, size=None):
    return struct.pack(">IBI", len(payload) if size is None else size, purpose, number) + payload


def named(tag, field, value):
    encode = msgspec.msgpack.encode
    return b"\x82" + encode("@") + encode(tag) + encode(field) + value


BRACKETS = b"\x91" * 200_000 + b"\xc0"
GARBAGE = {
    "noise": b"\xde\xad\xbe\xef" * 64,
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: store\r\n\r\n",
    "a frame that is too large": frame(b"", size=FRAME_BYTES_MAX + 1),
    "a frame without end": frame(b"x" * 1000, size=FRAME_BYTES_MAX),
    "a frame of an unknown purpose": frame(SingleGet(b"a").encode(), purpose=9),
    "brackets without end": frame(BRACKETS),
    "brackets in a field that nobody knows": frame(named("database.single_get/1", "x", BRACKETS)),
    "brackets in a field": frame(named("database.execute/1", "steps", BRACKETS)),
    "an array of four thousand million": frame(named("database.batch/1", "requests", b"\xdd\xff\xff\xff\xff")),
    "bytes that are not there": frame(named("database.single_get/1", "key", b"\xc6\xff\xff\xff\xff")),
    "no text": frame(named("database.sql_request/1", "session", b"\xa2\xff\xfe")),
    "an unknown message": frame(named("database.root_shell/1", "x", b"\xc0")),
    "a message of another field": frame(named("database.single_get/1", "key", b"\x2a")),
}


async def speaks(target, data):
    """Write bytes to the port of channels; return whether the other end hung up within ten seconds."""
    reader, writer = await asyncio.open_connection(target, CHANNEL_PORT)
    writer.write(data)
    try:
        async with asyncio.timeout(10):
            while await reader.read(65536):
                pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()


@pytest.mark.parametrize("target", ["store-1", "gateway"])
def test_bytes_that_are_no_channel_end_the_connection_and_nothing_else(cluster, target):
    patient = []
    for name, data in GARBAGE.items():
        if not cluster.on("mallory", speaks(target, data)):
            patient.append(name)
    assert patient == ["nothing", "a frame without end"]  # more may come: it keeps what it has, at most one frame
    serves(cluster)


# -- messages that mean something, from somebody who may not say it

PROTECTED = {
    "a batch": Batch(0, 2, None, (Put(b"kept", b"9"),)),
    "a batch far ahead of all clocks": Batch(2**62, 2, None, (Scan(b"\x01", b"\xff"),)),
    "a batch without requests": Batch(0, 2, None, ()),
    "a commit of nobody": Batch(0, 2, None, (EndTransaction(True),)),
    "intents of somebody else": Batch(0, 2, None, (ResolveIntents((b"kept",), 1, Status.ABORTED, 0),)),
    "a vote": RaftTraffic((Routed(2, RequestVote(999, "mallory", "store-1", 999, 999)),)),
    "entries in another's name": RaftTraffic((Routed(2, AppendEntries(999, "store-2", "store-1", 0, 0, (), 0, 0)),)),
    "a removal": ReplicaRemoved(2, 999),
    "a piece of a snapshot": SnapshotChunk(2, 1, 0, ((b"k", b"v"),), 0),
    "an answer to nobody": Reply(2**62),
    "a probe": ClockProbe(),
}


@pytest.mark.parametrize("way", ["datagram", "request"])
def test_stores_take_orders_from_their_own_cluster_only(cluster, way):
    before, network = terms(cluster), cluster.nodes["mallory"].network
    for message in PROTECTED.values():
        for store in STORES:
            if way == "datagram":
                network.send(store, message)
            elif not isinstance(message, ClockProbe):
                with pytest.raises(RemoteError) as caught:
                    cluster.ask(message, Reply, target=store, source="mallory")
                assert caught.value.type_name in ("Refused", "LookupError")
    cluster.elapse(1)
    assert terms(cluster) == before
    assert {event.sender for event in cluster.told(MessageRefused)} == {"mallory"}
    serves(cluster)


def test_a_store_does_not_speak_for_another(cluster):
    before = terms(cluster)
    vote = RequestVote(999, "store-3", "store-1", 999, 999, leadership_transfer=True)
    cluster.nodes["store-2"].network.send("store-1", RaftTraffic((Routed(2, vote),)))
    cluster.elapse(0.1)
    assert terms(cluster) == before


def test_a_session_is_its_clients_own(cluster):
    cluster.sql("CREATE TABLE t (id INT PRIMARY KEY)")
    cluster.sql("BEGIN")
    cluster.sql("INSERT INTO t VALUES (1)")
    assert cluster.sql("COMMIT", source="mallory").sqlstate == "25P01"
    assert cluster.sql("ROLLBACK", source="mallory").sqlstate == "25P01"
    cluster.nodes["mallory"].network.send("gateway", SqlClose("one"))
    cluster.elapse(0.1)
    assert cluster.sql("SELECT id FROM t").rows == ((1,),)
    assert cluster.sql("COMMIT").outcome == "done"
    assert cluster.sql("SELECT 1", session="x" * 1000).sqlstate == "54000"


# -- an honest address, an absurd question


@pytest.mark.parametrize(
    ("steps", "sqlstate"),
    [
        ([("write", b"k" * 4097, b"1")], "54000"),
        ([("write", b"", b"1")], "54000"),
        ([("write", b"\x00m\xff\xff", b"1")], "54000"),
        ([("read", b"\xff\xff\xff")], "54000"),
        ([("write", b"large", b"x" * (2**20 + 1))], "54000"),
        ([("scan", b"b", None, 0, None, b"a")], "22023"),
        ([("add", b"word", None, 1)], "22P02"),
        ([("add", b"number", None, 2**62), ("add", b"number", None, 2**62)], "22003"),
        ([("add", b"number", None, -1, 0)], "23514"),
        ([("read", b"a")] * (STEPS_MAX + 1), "54001"),
    ],
)
def test_a_step_that_cannot_be_is_an_error_and_rolls_the_transaction_back(cluster, steps, sqlstate):
    cluster.run(("write", b"word", b"no number"))
    answer = cluster.run(("write", b"kept", b"9"), *steps)
    assert (answer.outcome, answer.sqlstate, answer.results) == ("failed", sqlstate, ())
    serves(cluster)


@pytest.mark.parametrize(
    "message",
    [
        SinglePut(b"k" * 4097, b""),
        SinglePut(b"", b""),
        SinglePut(b"\x00", b""),
        SinglePut(b"large", b"x" * (2**20 + 1)),
        SinglePut(b"large", b"x" * (2**20 + 1), True, None),
        SingleGet(b"\xff\xff"),
    ],
)
def test_a_single_key_that_cannot_be_is_an_error(cluster, message):
    answer = cluster.ask(message, Executed)
    assert (answer.outcome, answer.sqlstate) == ("failed", "54000")


def test_a_gateway_that_is_full_turns_statements_away_and_serves_the_others():
    cluster = Cluster(gateway={"running_max": 2, "waiting_max": 3})
    network = cluster.nodes["honest"].network

    async def crowd():
        asked = (
            network.request("gateway", SqlRequest(f"s{number}", "SELECT 1") if number % 2 else SingleGet(b"a"), 30)
            for number in range(40)
        )
        return await asyncio.gather(*asked)

    answers = cluster.on("honest", crowd())
    refused = [answer for answer in answers if answer.sqlstate == "53300"]
    assert len(refused) > 20
    assert all(answer.outcome in ("done", "committed") for answer in answers if answer not in refused)
    assert cluster.ask(SingleGet(b"a"), Executed).outcome == "committed"
    cluster.close()


def test_a_gateway_without_stores_answers_within_the_statement_timeout():
    cluster = Cluster(gateway={"statement_timeout": "2s"})
    cluster.run(("write", b"kept", b"1"))
    cluster.network.cut([["gateway"], list(STORES)])
    began_ns = cluster.world.now_ns
    asked = (Execute((Step("add", b"kept", None, 1),)), SingleGet(b"kept"), SinglePut(b"other", b"1"))
    answers = [cluster.ask(message, Executed) for message in asked]
    assert [answer.outcome for answer in answers[1:]] == ["unknown", "unknown"]
    assert {answer.sqlstate for answer in answers} <= {"57014", "57P03", "40003"}
    assert cluster.sql("SELECT 1 / 0").sqlstate == "22012"  # needs no store
    assert cluster.sql("SHOW TABLES").sqlstate in ("57014", "57P03")
    assert cluster.world.now_ns - began_ns < 10 * SECOND
    cluster.close()


# -- what is out of date, and what is damaged


def leader_of(cluster, range_id):
    return next(name for name in STORES if cluster.nodes[name].store.replicas[range_id].tenure)


def test_a_batch_by_an_old_descriptor_is_told_the_new_one_and_writes_nothing(cluster):
    range_id = max(cluster.nodes["store-1"].store.replicas)
    replica = cluster.nodes[leader_of(cluster, range_id)].store.replicas[range_id]
    old = replica.descriptor
    left = RangeDescriptor(range_id, old.begin, b"m", old.replicas, old.generation + 1)
    right = RangeDescriptor(77, b"m", old.end, old.replicas, old.generation + 1)
    split = Command((), SplitTrigger(left, right))
    cluster.on(leader_of(cluster, range_id), replica.propose(split))
    cluster.elapse(1)

    async def late(store):
        batch = Batch(cluster.nodes["gateway"].hybrid.now(), range_id, None, (Put(b"z", b"9"), Put(b"a", b"9")))
        return (await cluster.nodes["gateway"].network.request(store, batch, 5, Reply)).trouble

    trouble = cluster.on("gateway", late(leader_of(cluster, range_id)))
    assert (trouble.reason, trouble.descriptor) == (Reason.RANGE_MISMATCH, left)
    follower = next(name for name in STORES if name != leader_of(cluster, range_id))
    trouble = cluster.on("gateway", late(follower))
    assert (trouble.reason, trouble.hint) == (Reason.NOT_LEASEHOLDER, leader_of(cluster, range_id))
    assert cluster.run(("read", b"a"), ("read", b"z")).results == (None, None)
    with pytest.raises(RangeMismatch):
        cluster.on(leader_of(cluster, range_id), replica.propose(split))
    serves(cluster)


def checksum(rows):
    return crc32c(msgspec.msgpack.Encoder(order="deterministic").encode(list(rows)))


def test_a_snapshot_with_a_piece_that_is_damaged_missing_or_late_is_not_taken(cluster):
    snapshots = cluster.nodes["store-1"].store.snapshots
    rows = ((b"k1", b"v1"),)
    whole = [SnapshotChunk(2, 5, place, rows, checksum(rows)) for place in range(3)]
    take = lambda *chunks: [snapshots.take("store-2", chunk).taken for chunk in chunks]  # noqa: E731
    damaged = SnapshotChunk(2, 5, 1, ((b"k1", b"v2"),), checksum(rows))
    assert take(whole[0], damaged, whole[1]) == [True, False, False]
    assert take(whole[0], whole[2]) == [True, False]
    assert take(whole[1]) == [False]
    state = ReplicaState.first(RangeDescriptor(2, b"\x01", b"\xff", STORES))
    manifest = msgspec.msgpack.encode(Manifest(5, 2, state))
    offered = [state.snapshot(data) for data in (manifest, b"", b"\x91" * 3000, b"\xdd\xff\xff\xff\xff")]
    take(whole[0])
    for snapshot in offered:
        assert not snapshots.accept(InstallSnapshot(1, "store-2", "store-1", snapshot, 1), 2)
    assert take(whole[1]) == [True]  # what had come is kept
    assert snapshots.accept(InstallSnapshot(1, "store-2", "store-1", offered[0], 1), 2)


# -- anything at all


def values_of(kind):
    """Values of a type that a message may have in a field."""
    if kind is int:
        return st.sampled_from([-(2**63), -1, 0, 1, 2, 2**32, 2**63 - 1])
    if kind is bytes:
        return st.sampled_from([b"", b"\x00", b"\x00m", b"kept", b"k" * 4097, b"\xff" * 9]) | st.binary(max_size=8)
    if kind is str:
        return st.sampled_from(["", "store-1", "mallory", "SELECT 1", "COMMIT", "DROP TABLE t", "x" * 5000, "\x00"])
    if kind is bool:
        return st.booleans()
    if kind is float:
        return st.floats()
    if kind is type(None):
        return st.none()
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    if arguments:
        return st.one_of(*map(values_of, arguments))
    if issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{name: st.deferred(lambda name=name: values_of(hints[name]))
                                  for name in kind.__struct_fields__})  # fmt: skip
    return st.sampled_from(kind)


SAID = (
    Execute, SingleGet, SinglePut, SqlRequest, SqlClose, Batch, Reply, RaftTraffic, ReplicaRemoved, SnapshotChunk,
    ChunkTaken, ClockProbe,
)  # fmt: skip
messages = st.one_of(*map(values_of, SAID))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["gateway", *STORES]), st.booleans(), messages), min_size=5, max_size=60))
def test_whatever_a_stranger_says_nobody_dies_and_what_was_kept_is_kept(said):
    cluster = Cluster()
    cluster.run(("write", b"safe", b"1"))
    before, network = terms(cluster), cluster.nodes["mallory"].network

    async def asks(target, message):
        try:
            return await network.request(target, message, 15)
        except (RemoteError, RequestTimeout) as error:
            return error

    async def all_of_it():
        asked = [asks(target, message) for target, wants_answer, message in said if wants_answer]
        for target, wants_answer, message in said:
            if not wants_answer:
                network.send(target, message)
        return await asyncio.gather(*asked)

    answers = cluster.on("mallory", all_of_it())
    assert terms(cluster) == before
    assert all(host.running for host in cluster.hosts.values())
    assert {answer.type_name for answer in answers if isinstance(answer, RemoteError)} <= {"Refused", "LookupError"}
    assert cluster.run(("read", b"safe"), ("add", b"count", None, 1)).results == (b"1", b"1")
    cluster.close()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["gateway", "store-1"]), st.data(), messages), min_size=1, max_size=20))
def test_spoilt_frames_end_their_connection_and_nothing_else(said):
    cluster = Cluster()
    for target, data, message in said:
        payload = message.encode()
        place = data.draw(st.integers(0, len(payload)))
        spoilt = payload[:place] + data.draw(st.binary(max_size=4)) + payload[place + data.draw(st.integers(0, 4)) :]
        cluster.on("mallory", speaks(target, frame(spoilt, data.draw(st.integers(0, 2)))))
    assert cluster.run(("add", b"count", None, 1)).results == (b"1",)
    cluster.close()
