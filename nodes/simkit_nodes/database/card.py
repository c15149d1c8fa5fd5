"""The card of the distributed database: what it is made of and what it claims.

The language, the audit and the system's page read this; there is deliberately no code of its own.
"""

from __future__ import annotations

from simkit.card import Card, Exercise, Metric, Role, Switch, TakenRole
from simkit_nodes.blocks.lsm.gauges import METRICS as ENGINE_METRICS
from simkit_nodes.blocks.lsm.gauges import EngineShaped
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftSteppedDown
from simkit_nodes.database.backup.archivist import EVENTS as BACKUP_EVENTS
from simkit_nodes.database.backup.archivist import ArchiveConfig, Archivist
from simkit_nodes.database.change_feed.feeder import EVENTS as FEED_EVENTS
from simkit_nodes.database.change_feed.feeder import FeedConfig, Feeder
from simkit_nodes.database.checks import CHECKS
from simkit_nodes.database.client import Client
from simkit_nodes.database.config import ClientConfig, DatabaseLoad, GatewayConfig, StoreConfig
from simkit_nodes.database.distribution_plots import DISTRIBUTION_PLOTS
from simkit_nodes.database.elections import LeaderFound, Stopwatch, Voter, VoterConfig
from simkit_nodes.database.events import EVENTS
from simkit_nodes.database.figures import COMMITS, ELECTIONS, MAJORITIES
from simkit_nodes.database.gateway import Gateway
from simkit_nodes.database.host_plots import HOST_PLOTS
from simkit_nodes.database.majority import Asker, AskerConfig, GroupAsked
from simkit_nodes.database.placement.driver import PlacementConfig, PlacementDriver
from simkit_nodes.database.plots import PLOTS
from simkit_nodes.database.points import POINTS
from simkit_nodes.database.range_plots import RANGE_PLOTS
from simkit_nodes.database.store_server import StoreServer

card = Card(
    name="database",
    title="Distributed database: serializable transactions over ranges that Raft replicates",
    roles={
        "store": Role(StoreServer, "replicas of ranges: Raft, a log and an LSM engine on its disk", StoreConfig),
        "gateway": Role(Gateway, "runs transactions for clients; keeps nothing", GatewayConfig),
        "client": Role(Client, "sends transactions and records what came of them", ClientConfig, takes_load=True),
        "placement": Role(PlacementDriver, "decides where replicas and leaders of ranges should be", PlacementConfig),
        "archive": Role(Archivist, "backs up to its disk and restores from there", ArchiveConfig, takes_load=True),
        "feed": Role(Feeder, "tells every write, each key's in order", FeedConfig),
        "voter": Role(Voter, "a bare Raft group whose leaders are killed: how long is a leader missed?", VoterConfig),
        "asker": Role(Asker, "asks voters whether they serve, again and again", AskerConfig),
        "stopwatch": Role(Stopwatch, "measures from the death of a voters' leader to the next one"),
    },
    load=DatabaseLoad,
    checks={check.name: check for check in CHECKS},
    points=POINTS,
    events=(*EVENTS, *BACKUP_EVENTS, *FEED_EVENTS, LeaderFound, EngineShaped, GroupAsked),
    metrics={
        "transaction.latency": Metric("histogram", "from asked to answered, by workload and outcome", "s"),
        "transaction.abort_rate": Metric("gauge", "share of runs at a gateway so far that could not be serialized"),
        "read.closed": Metric("counter", "batches that a store answered at a closed timestamp, without a lease"),
        "clock.offset": Metric("gauge", "how far a host's clock is ahead of the others', at least", "s"),
        "election.time": Metric("histogram", "from the death of a voters' leader to the next one", "s"),
        "elections.needed": Metric("counter", "deaths of the voters' leader"),
        "group.asked": Metric("counter", "asks of a bare group whether it serves"),
        "group.served": Metric("counter", "those for which its leader has committed an entry in time"),
        "elections.won": Metric("counter", "leaders of the voters, the first one included"),
        **ENGINE_METRICS,
    },
    figures=(*ELECTIONS, *COMMITS, *MAJORITIES),
    switches=(
        Switch(
            "config.gateway.schema_states: no_delete_only",
            "whoever does not know of an index yet meets only gateways that delete from it",
            "index_consistent",
            "database/online_index",
            "no_delete_only",
        ),
        Switch(
            "config.gateway.schema_states: no_write_only",
            "an index is read only when every gateway writes to it",
            "index_consistent",
            "database/online_index",
            "no_write_only",
        ),
        Switch(
            "config.store.wal_fsync: false",
            "a vote or an entry is on the disk before anybody is told of it",
            "no_acked_write_lost",
            "database/disk_faults",
            "no_fsync",
        ),
        *(
            Switch(
                f"config.store.{knob}: false",
                "who cannot win an election disturbs no leader",
                "available",
                "database/cloudflare_2020",
                "ring_flapping",
            )
            for knob in ("pre_vote", "check_quorum")
        ),
        Switch(
            "config.store.lease_clock_guard: false",
            "a lease ends before anybody else can lead, however slow its clock",
            "linearizable",
            "database/slow_leader",
            "no_guard",
        ),
        Switch(
            "config.gateway.uncertainty: false",
            "a transaction allows for clocks that are ahead of its own",
            "linearizable",
            "database/skewed_clocks",
            "no_uncertainty",
        ),
        Switch(
            "config.gateway.read_refresh: false",
            "what was read still holds where a transaction commits",
            "serializable",
            "database/skewed_clocks",
            "no_refresh",
        ),
        Switch(
            "config.store.parallel_commit_query_intent: false",
            "a staged transaction commits only if all its writes are there",
            "bank_total",
            "database/coordinator_death",
            "no_query",
        ),
        Switch(
            "config.store.block_crc: false",
            "rotten blocks are not taken for data",
            "linearizable",
            "database/disk_faults",
            "no_block_crc",
        ),
        Switch(
            "config.store.closed_timestamp_wait: false",
            "a replica reads in the past when it has all writes up to there, and there will be no other",
            "follower_reads",
            "database/follower_reads",
            "no_wait",
        ),
        Switch(
            "config.archive.at_timestamp: false",
            "all pages of a backup are read as of one timestamp",
            "backup_is_a_state",
            "database/backup_restore",
            "page_by_page",
        ),
        Switch(
            "config.feed.resume: now",
            "a feed that restarts goes on where everything before was told",
            "change_feed",
            "database/change_feed",
            "from_now",
        ),
        Switch(
            "config.placement.replace: false",
            "what a store that stays away takes from a range is made anew elsewhere",
            "replicas_back",
            "database/replaced_store",
            "not_replaced",
        ),
        Switch(
            "config.store.merge_arbiter: false",
            "a range that was frozen for a merge serves again only if that cannot happen any more",
            "range_coverage",
            "database/ranges_merge",
            "no_arbiter",
        ),
        Switch(
            "config.voter.vote_persist: false",
            "a server that restarts knows whom it has voted for",
            "election_safety",
            "database/votes_forgotten",
            "no_vote_persist",
        ),
        Switch(
            "config.voter.commit_prev_term: true",
            "an entry of an earlier term is committed by one of the leader's own term, not by being counted",
            "leader_completeness",
            "database/figure_8",
            "commit_prev_term",
        ),
        Switch(
            "config.voter.joint_consensus: false",
            "old and new members cannot decide without each other",
            "election_safety",
            "database/figure_10",
            "no_joint_consensus",
        ),
    ),
    plots=(*PLOTS, *RANGE_PLOTS, *DISTRIBUTION_PLOTS, *HOST_PLOTS),
    exercises={
        "ballot": Exercise(
            "voter",
            "ballot_class",
            {"grants": bool, "kept": tuple[int, str]},
            "decides whom a server votes for, and what it writes down of that",
        ),
    },
    dynamic_roles={
        "leader": TakenRole(RaftBecameLeader, RaftSteppedDown, order="term", scope="group", of="range"),
    },
)
