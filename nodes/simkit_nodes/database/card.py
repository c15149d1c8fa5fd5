"""The card of the distributed database: what it is made of and what it claims.

The language, the audit and the system's page read this; there is deliberately no code of its own.
"""

from __future__ import annotations

from simkit.card import Card, Metric, Role, TakenRole
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftSteppedDown
from simkit_nodes.database.checks import CHECKS
from simkit_nodes.database.client import Client
from simkit_nodes.database.config import ClientConfig, DatabaseLoad, GatewayConfig, StoreConfig
from simkit_nodes.database.elections import Stopwatch, Voter, VoterConfig
from simkit_nodes.database.events import EVENTS
from simkit_nodes.database.figures import ELECTIONS
from simkit_nodes.database.gateway import Gateway
from simkit_nodes.database.store_server import StoreServer

card = Card(
    name="database",
    title="Distributed database: serializable transactions over ranges that Raft replicates",
    roles={
        "store": Role(StoreServer, "replicas of ranges: Raft, a log and an LSM engine on its disk", StoreConfig),
        "gateway": Role(Gateway, "runs transactions for clients; keeps nothing", GatewayConfig),
        "client": Role(Client, "sends transactions and records what came of them", ClientConfig, takes_load=True),
        "voter": Role(Voter, "a bare Raft group whose leaders are killed: how long is a leader missed?", VoterConfig),
        "stopwatch": Role(Stopwatch, "measures from the death of a voters' leader to the next one"),
    },
    load=DatabaseLoad,
    checks={check.name: check for check in CHECKS},
    events=EVENTS,
    metrics={
        "transaction.latency": Metric("histogram", "from asked to answered, by workload and outcome", "s"),
        "election.time": Metric("histogram", "from the death of a voters' leader to the next one", "s"),
        "elections.needed": Metric("counter", "deaths of the voters' leader"),
        "elections.won": Metric("counter", "leaders of the voters, the first one included"),
    },
    figures=ELECTIONS,
    dynamic_roles={
        "leader": TakenRole(RaftBecameLeader, RaftSteppedDown, order="term", scope="group", of="range"),
    },
)
