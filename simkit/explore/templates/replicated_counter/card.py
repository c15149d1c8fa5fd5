"""The card of the replicated counter: everything that scenario files, the audit and the documentation read.

Deliberately only a table; what it names stands in `nodes` and `check`.
"""

from pathlib import Path

from simkit.card import Card, Metric, Role, Switch
from simkit.language.load import Load

from .check import NoAddLost
from .nodes import Acknowledged, Client, ClientConfig, Recovered, Replica, ReplicaConfig

SCENARIO = str(Path(__file__).with_name("scenario.yaml"))

card = Card(
    name="replicated_counter",
    title="Replicated counter: an add is acknowledged when enough replicas know of it",
    roles={
        "replica": Role(Replica, "counts, and tells the others", ReplicaConfig),
        "client": Role(Client, "asks any replica to count one", ClientConfig, takes_load=True),
    },
    load=Load,
    checks={"no_add_lost": NoAddLost},
    events=(Acknowledged, Recovered),
    metrics={
        "adds": Metric("counter", "adds that replicas counted"),
        "adds.unknown": Metric("counter", "adds of which a client never heard again"),
        "add.latency": Metric("histogram", "from asking to the acknowledgement", "s"),
    },
    switches=(
        Switch(
            setting="config.replica.copies: 1",
            protects="an acknowledged add is in more than one memory",
            check="no_add_lost",
            scenario=SCENARIO,
            variant="one_copy",
        ),
    ),
)
