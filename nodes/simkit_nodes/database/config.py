"""The settings of each role and of a load, as scenario files write them.

Defaults are what a careful operator would choose; every protection that can be turned off is a field here. It
deliberately has no setting that only one piece of code would ever change: those are constants there.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from simkit.language.load import Load
from simkit.language.units import Duration, Size
from simkit_nodes.blocks.hybrid_logical_clock import span_of
from simkit_nodes.blocks.lsm import LsmOptions
from simkit_nodes.blocks.raft import Options as RaftOptions
from simkit_nodes.database.mvcc.keys import prefix_of
from simkit_nodes.database.ranges.bootstrap import KeySpace
from simkit_nodes.database.ranges.merging import Smallness
from simkit_nodes.database.sql.descriptor import State
from simkit_nodes.database.sql.schema_change import Steps
from simkit_nodes.database.transactions.evaluation import Periods
from simkit_nodes.database.transactions.gateway_database import Options

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreConfig(Settings):
    """A store: replicas of ranges on a disk."""

    ranges: int = Field(1, ge=1, le=1000)
    """Into how many ranges each of `keyspaces` is cut at the beginning."""
    keyspaces: tuple[KeySpace, ...] = ("users",)
    """Which keys are cut: accounts (transfer, total), lists (append), new (insert, readback), users (YCSB)."""
    replicas: int = Field(3, ge=1, le=9)
    """How many stores have a copy of each range."""
    replication: Literal["raft", "async"] = "raft"
    """By Raft, or as MySQL does it: a primary answers alone and ships its writes afterwards."""
    range_max: Size = Size(8 * 1024 * 1024)
    """A range that holds more is split; 0B for never."""
    split_load: int = Field(0, ge=0)
    """A range that is asked more often than this between two rounds of housekeeping is split; 0 for never."""
    range_min: Size = Size(0)
    """A range that holds less takes its right neighbour in, if both together are far from being split; 0B for never."""
    merge_patience: Duration = Duration(3 * SECOND)
    """How long a range stays frozen for a merge before it asks what has become of that."""
    merge_arbiter: bool = True
    """Whether a frozen range serves again only once its left neighbour has said that the merge cannot happen."""
    max_offset: Duration = Duration(250 * MILLISECOND)
    """By how much two clocks may differ; a host that finds itself further away than 80% of it does not serve."""
    clock_refusal: bool = True
    """Whether a store refuses to serve while its clock is not to be trusted."""
    election_timeout: Duration = Duration(SECOND)
    """A follower that hears nothing for between once and twice this long stands for election; leases last this long."""
    raft_heartbeat: Duration = Duration(200 * MILLISECOND)
    """How often a leader makes itself heard."""
    quiesce: bool = True
    """Whether groups in which nothing happens fall silent."""
    closed_lag: Duration = Duration(0)
    """How far behind its clock a leaseholder closes timestamps, so that any replica can answer reads there; 0s for
    never. CockroachDB's is 3s."""
    closed_timestamp_wait: bool = True
    """Whether a closed timestamp stays below writes under way, and counts where all that it covers is applied."""
    pre_vote: bool = True
    """Whether a server asks who would vote for it before it disturbs anybody."""
    check_quorum: bool = True
    """Whether a leader that hears no majority steps down."""
    leases: bool = True
    """Whether a leader answers reads under a lease; otherwise every read takes a round."""
    lease_clock_guard: bool = True
    """Whether leases allow for clocks that drift, and end and move elsewhere when a clock is not to be trusted."""
    joint_consensus: bool = True
    """Whether a change of replicas goes through a joint configuration."""
    vote_persist: bool = True
    """Whether votes survive a restart."""
    commit_prev_term: bool = False
    """Whether a leader commits entries of earlier terms by counting replicas: figure 8 of the Raft paper."""
    wal_fsync: bool = True
    """Whether Raft's log is synced before anybody is told of it."""
    block_crc: bool = True
    """Whether checksums of the blocks of tables are compared when they are read."""
    parallel_commit_query_intent: bool = True
    """Whether the recovery of a staged transaction asks for its writes."""
    push_delay: Duration = Duration(50 * MILLISECOND)
    """How long a request waits for an intent before it pushes the transaction."""
    transaction_expiry: Duration = Duration(5 * SECOND)
    """A coordinator that was not heard of for this long is taken for dead."""
    gc_ttl: Duration = Duration(600 * SECOND)
    """How long versions stay that newer ones hide, and the records of transactions that have ended."""
    housekeeping: Duration = Duration(5 * SECOND)
    """How often a leaseholder looks for abandoned intents, old records and versions nobody can see."""
    placement_heartbeat: Duration = Duration(SECOND)
    """How often a store reports to the placement driver, if there is one."""
    memtable: Size = Size(512 * 1024)
    """How much an engine keeps in memory before it writes a table."""

    block_cache: Size = Size(4 * 1024 * 1024)
    """How much of its tables' blocks an engine keeps in memory."""
    compress: bool = True
    """Whether blocks of tables are compressed."""

    def raft(self) -> RaftOptions:
        """Return the settings of the store's Raft groups."""
        return RaftOptions(
            election_timeout_min_ns=int(self.election_timeout),
            election_timeout_max_ns=2 * int(self.election_timeout),
            heartbeat_ns=int(self.raft_heartbeat),
            pre_vote=self.pre_vote,
            check_quorum=self.check_quorum,
            leases=self.leases and self.check_quorum,
            lease_clock_guard=self.lease_clock_guard,
            joint_consensus=self.joint_consensus,
            vote_persist=self.vote_persist,
            commit_prev_term=self.commit_prev_term,
        )

    def lsm(self) -> LsmOptions:
        """Return the settings of the store's engine."""
        return LsmOptions(
            memtable_bytes=int(self.memtable),
            cache_bytes=int(self.block_cache),
            compress=self.compress,
            block_crc=self.block_crc,
            prefix_of=prefix_of,
        )

    def smallness(self) -> Smallness:
        """Return which ranges are merged."""
        return Smallness(int(self.range_min), int(self.range_max), self.split_load)

    def periods(self) -> Periods:
        """Return how long things last, as differences of timestamps."""
        return Periods(
            span_of(int(self.max_offset)),
            span_of(int(self.transaction_expiry)),
            span_of(int(self.gc_ttl)),
            span_of(int(self.gc_ttl)),
        )


class GatewayConfig(Settings):
    """A gateway: it runs the transactions of clients, and keeps nothing."""

    max_offset: Duration = Duration(250 * MILLISECOND)
    """By how much two clocks may differ; as for the stores."""
    clock_refusal: bool = True
    """Whether a gateway watches its clock at all."""
    uncertainty: bool = True
    """Whether a transaction allows for clocks that are ahead of its own."""
    read_refresh: bool = True
    """Whether a transaction reads again what it has read when it has to commit at a later time."""
    parallel_commit_query_intent: bool = True
    """Whether a commit asks for writes that were pipelined."""
    parallel_commits: bool = True
    """Whether the record is staged beside the last writes, or committed when they are there (classical 2PC)."""
    pipelined_writes: bool = True
    """Whether a write is answered before it is replicated."""
    commit_wait: bool = False
    """Whether a commit waits until its timestamp is past on every clock (Spanner)."""
    closed_lag: Duration = Duration(0)
    """As for the stores: reads that lie further back than this are sent to the nearest replica; 0s sends none."""
    heartbeat: Duration = Duration(SECOND)
    """How often a gateway says of a transaction that it is alive."""
    statement_timeout: Duration = Duration(10 * SECOND)
    """How long a transaction of one message, or an SQL statement, may take."""
    running_max: int = Field(256, ge=1)
    """How many transactions run at the same time; more wait."""
    waiting_max: int = Field(256, ge=0)
    """How many wait; more are turned away."""

    schema_lease: Duration = Duration(10 * SECOND)
    """How long a gateway plans with a version of a table before it has to look again."""
    schema_states: Literal["f1", "no_delete_only", "no_write_only"] = "f1"
    """The states that a new index goes through: F1's, or one of them left out."""

    def schema_steps(self) -> Steps:
        """Return how schema changes proceed."""
        up = {
            "f1": (State.DELETE_ONLY, State.WRITE_ONLY),
            "no_delete_only": (State.WRITE_ONLY,),
            "no_write_only": (State.DELETE_ONLY,),
        }
        return Steps(up=up[self.schema_states])

    def options(self) -> Options:
        """Return how the gateway's transactions go about it."""
        return Options(
            offset_max=span_of(int(self.max_offset)),
            heartbeat_s=int(self.heartbeat) / SECOND,
            uncertainty=self.uncertainty,
            read_refresh=self.read_refresh,
            query_intent=self.parallel_commit_query_intent,
            parallel_commits=self.parallel_commits,
            pipelined=self.pipelined_writes,
            commit_wait=self.commit_wait,
            closed_lag=span_of(int(self.closed_lag)),
        )


class ClientConfig(Settings):
    """A client: it sends transactions to gateways and records what came of them."""

    timeout: Duration = Duration(12 * SECOND)
    """How long an answer may take."""


Workload = Literal[
    "ycsb_a",
    "ycsb_b",
    "ycsb_c",
    "ycsb_f",
    "transfer",
    "total",
    "append",
    "insert",
    "readback",
    "read_as_of",
    "read_within",
    "sql_random",
    "sql_items",
    "sql_index",
    "sql_check",
    "backup",
    "restore",
]


class DatabaseLoad(Load):
    """Transactions arriving at clients."""

    workload: Workload
    """ycsb_a, ycsb_b, ycsb_c, ycsb_f: half, a twentieth, none, half of them change a key (f reads it first), the rest
    reads one.
    read_as_of, read_within: a few of those keys as they were `age` ago, or as fresh as the nearest replicas can tell
    and no older. transfer, total: money between two accounts; all accounts. append: lists of numbers. insert, readback:
    new keys; all of them. sql_random: statements that SQLite judges; sql_items: rows that come, change and go, in
    transactions of one or several statements; sql_index: an index on them is made, or dropped if it is there;
    sql_check: indexes are compared with their rows. backup, restore: from hosts with the role archive."""
    keys: int = Field(100, ge=1, le=1_000_000)
    """How many keys, accounts or lists there are."""
    zipf: float = Field(0.99, ge=0, lt=5)
    """How unequally keys are chosen; 0 is equally."""
    length: int = Field(4, ge=1, le=64)
    """How many steps a transaction of `append` has at most."""
    value: Size = Size(64)
    """How long a value of YCSB is, at least."""
    age: Duration = Duration(5 * SECOND)
    """How far back `read_as_of` and `read_within` read."""
    isolation: Literal["serializable", "snapshot"] = "serializable"
    """What its transactions ask for."""
