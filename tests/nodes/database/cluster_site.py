"""A whole cluster, stores and a gateway as scenarios have them, and two clients whose words a test chooses.

Messages are decoded from their bytes, as on a real network. A process that ends by an exception fails the test.
"""

import asyncio

from simkit.hosts.disk import Disk
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.kernel.distribution import LogNormal
from simkit.network import Link, Network
from simkit.network.endpoint import Endpoint
from simkit.node import Directory, Equipment, Node
from simkit.observe.history import History
from simkit.observe.metrics import Metrics
from simkit_nodes.database.config import GatewayConfig, StoreConfig
from simkit_nodes.database.gateway import Gateway
from simkit_nodes.database.programs import Execute, Executed, Step
from simkit_nodes.database.sql.messages import SqlAnswer, SqlRequest
from simkit_nodes.database.store_server import StoreServer

STORES = ("store-1", "store-2", "store-3")
SECOND = 1_000_000_000


class Silent(Node):
    """A client that says nothing by itself."""

    async def run(self):
        await asyncio.Event().wait()


class Cluster:
    """Three stores, a gateway, an honest client and a hostile one, ready to serve."""

    def __init__(self, seed=1, *, gateway=None, store=None):
        self.world = World(seed)
        self.network = Network(self.world, Link(one_way=LogNormal(200_000, 0.3)), strict=True)
        self.metrics, self.history = Metrics(self.world, 10**15), History(self.world)
        self.hosts, self.nodes, self.events, self.failures = {}, {}, [], []
        self.kinds = {
            **dict.fromkeys(STORES, (StoreServer, "store", StoreConfig(**(store or {})))),
            "gateway": (Gateway, "gateway", GatewayConfig(**(gateway or {}))),
            "honest": (Silent, "client", None),
            "mallory": (Silent, "client", None),
        }
        self.world.records.subscribe(["event"], lambda record: self.events.append((record.host, record.value)))
        for index, (name, (_, role, _)) in enumerate(self.kinds.items()):
            disk = Disk(self.world, name) if role == "store" else None
            host = Host(self.world, name, index=index, role=role, disk=disk, program=self._program)
            host.on_failure = lambda host, error: self.failures.append(error)
            self.hosts[name] = host
            self.network.attach(host)
        self.directory = Directory(self.hosts.values())
        for host in self.hosts.values():
            host.boot()
        self.elapse(3)

    async def _program(self, host):
        kind, _, config = self.kinds[host.name]
        endpoint = Endpoint(self.network, host)
        equipment = Equipment(host, config, endpoint, self.metrics.host(host.name), self.history, self.directory)
        node = self.nodes[host.name] = kind.on(equipment)
        endpoint.bind(node)
        await node.run()

    def elapse(self, seconds):
        self.world.stopping = False
        self.world.run(self.world.now_ns + round(seconds * SECOND))
        if self.failures:
            raise self.failures[0]

    def on(self, name, coroutine, within_s=60):
        """Run something on a host; return its result."""
        task = self.hosts[name].loop.create_task(coroutine)
        task.add_done_callback(lambda _: self.world.stop())
        self.elapse(within_s)
        assert task.done(), "it did not end"
        return task.result()

    def ask(self, message, expect, *, target="gateway", source="honest", timeout_s=30):
        """Send a request from a client and return the answer."""
        return self.on(source, self.nodes[source].network.request(target, message, timeout_s, expect))

    def run(self, *steps, **options):
        """Run a transaction of one message."""
        return self.ask(Execute(tuple(Step(*each) for each in steps), **options), Executed)

    def sql(self, text, *parameters, source="honest", session="one"):
        return self.ask(SqlRequest(session, text, parameters), SqlAnswer, source=source)

    def told(self, kind):
        return [event for _, event in self.events if type(event) is kind]

    def close(self):
        self.world.close()
