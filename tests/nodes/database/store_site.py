"""Stores on simulated hosts with disks, clocks and a network, and an engine that forgets what was not synced.

Every event goes through Raft's checks. The engine is the one in memory, over a shelf that outlives the process: of what
was not synced a power cut leaves a prefix that the test chooses. With `lsm` it is the one on the host's disk.
"""

from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import MODELS
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.kernel.distribution import LogNormal
from simkit.network import Link, Network
from simkit.network.endpoint import Endpoint
from simkit.node import Directory, Equipment, Node
from simkit.observe.history import History
from simkit.observe.metrics import Metrics
from simkit_nodes.blocks.lsm import LsmEngine, MemoryEngine, WriteBatch
from simkit_nodes.blocks.raft import Options
from simkit_nodes.blocks.raft.checks import SAFETY
from simkit_nodes.blocks.raft.vote_kept import VoteKept
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.range import Command, RangeDescriptor
from simkit_nodes.database.store import Store, Timing

MS = 1_000_000
SECOND = 1_000 * MS
OPTIONS = Options(election_timeout_min_ns=300 * MS, election_timeout_max_ns=600 * MS, heartbeat_ns=60 * MS)


class Shelf:
    """What of an engine outlives its process."""

    def __init__(self):
        self.batches = []
        self.durable = 0


class ShelvedEngine(MemoryEngine):
    """`Engine` in memory that begins with what is on its shelf."""

    def __init__(self, shelf):
        super().__init__()
        self.shelf = shelf

    async def recover(self):
        for changes in self.shelf.batches:
            batch = WriteBatch()
            batch.changes = list(changes)
            await super().write(batch)
        self._durable = self._sequence
        self.shelf.durable = len(self.shelf.batches)

    @property
    def durable_sequence(self):
        return self._durable

    async def write(self, batch, *, sync=False):
        number = await super().write(batch)
        self.shelf.batches.append(tuple(batch.changes))
        if sync:
            await self.sync()
        return number

    async def sync(self):
        self.shelf.durable = len(self.shelf.batches)
        self._durable = self._sequence


class StoreNode(Node):
    """A host with nothing but replicated ranges on it."""

    site = None

    async def run(self):
        Store.not_yet(self)
        if self.site.lsm is None:
            engine = ShelvedEngine(self.site.shelves[self.name])
            await engine.recover()
        else:
            engine = await LsmEngine.open(self.disk, self.site.lsm)
        spans = lambda descriptor: [(b"k" + descriptor.begin, b"k" + descriptor.end)]  # noqa: E731
        store = await Store.open(self, engine, self.site.options, spans, timing=self.site.timing)
        for descriptor in self.site.ranges:
            if self.name in descriptor.replicas and descriptor.range_id not in store.replicas and not self.site.begun:
                await store.bootstrap(descriptor)
        self.site.stores[self.name] = store
        await store.run()


class Site:
    """Stores on hosts."""

    def __init__(self, count=3, ranges=None, *, options=OPTIONS, timing=None, seed=1, disk="ssd", link=None, lsm=None):
        self.world = World(seed)
        self.options, self.timing = options, timing or Timing(2 * SECOND)
        self.lsm = lsm  # options of the engine on the disk; None for the one in memory
        self.names = tuple(f"s{number}" for number in range(1, count + 1))
        self.ranges = ranges or [RangeDescriptor(1, b"", b"\xff", self.names[:3])]
        self.shelves = {name: Shelf() for name in self.names}
        self.stores, self.hosts = {}, {}
        self.failures = []
        self.begun = False
        self.events = []
        self.checks = [check() for check in (*SAFETY, VoteKept)]
        self.world.records.subscribe(["event"], self._event)
        self.network = Network(self.world, link or Link(one_way=LogNormal(MS, 0.3)), strict=True)
        self.metrics = Metrics(self.world, 10**15)
        self.history = History(self.world)
        self.world.control.set_exception_handler(lambda loop, context: self.failures.append(context))
        for index, name in enumerate(self.names):
            host = Host(
                self.world, name, index=index, role="store", disk=Disk(self.world, name, MODELS[disk]),
                program=self._program,
            )  # fmt: skip
            host.on_failure = lambda host, error: self.failures.append(error)
            self.hosts[name] = host
            self.network.attach(host)
        for host in self.hosts.values():
            host.boot()

    async def _program(self, host):
        endpoint = Endpoint(self.network, host)
        directory = Directory(self.hosts.values())
        kind = type("StoreNode", (StoreNode,), {"site": self})
        node = kind.on(Equipment(host, None, endpoint, self.metrics.host(host.name), self.history, directory))
        endpoint.bind(node)
        await node.run()

    def _event(self, record):
        self.events.append((self.world.now_ns, record.host, record.value))
        for check in self.checks:
            for see in check.sights(type(record.value)):
                see(self.world.now_ns, record.host, record.value)

    def broken(self):
        return {check.name for check in self.checks if check.violations_total}

    def told(self, kind):
        return [event for _, _, event in self.events if type(event) is kind]

    def elapse(self, seconds, *, safe=True):
        self.world.stopping = False
        self.world.run(self.world.now_ns + round(seconds * SECOND))
        self.begun = True
        if self.failures:
            failure = self.failures[0]
            raise failure if isinstance(failure, BaseException) else AssertionError(failure)
        assert self.broken() == set() or not safe

    def on(self, name, coroutine, within_s=20):
        """Run something on a host; return its result."""
        task = self.hosts[name].loop.create_task(coroutine)
        task.add_done_callback(lambda _: self.world.stop())
        self.world.stopping = False
        self.world.run(self.world.now_ns + round(within_s * SECOND))
        if self.failures:
            raise self.failures[0]
        assert task.done(), "it did not end"
        return task.result()

    def leader(self, range_id=1):
        """The name of the store with the range's lease."""
        held = [
            name
            for name, store in self.stores.items()
            if self.hosts[name].running and range_id in store.replicas and store.replicas[range_id].tenure
        ]
        return max(held, key=lambda name: self.replica(name, range_id).raft.current_term, default=None)

    def replica(self, name, range_id=1):
        return self.stores[name].replicas[range_id]

    def lead(self, range_id=1):
        return self.replica(self.leader(range_id), range_id)

    def put(self, key, value, range_id=1):
        """Write at the leaseholder; return whether it is certain."""
        name = self.leader(range_id)
        if name is None:
            return False
        command = Command(((b"k" + key, value),))
        try:
            self.on(name, self.replica(name, range_id).propose(command))
        except DatabaseError:
            return False
        return True

    def get(self, key, name):
        return self.on(name, self.stores[name].engine.get(b"k" + key))

    def power_cut(self, name, keep=None):
        """Cut the power of a host; of the engine's unsynced batches the first `keep` survive, none by default."""
        host, shelf = self.hosts[name], self.shelves[name]
        host.hold(self, "power_cut")
        del shelf.batches[shelf.durable + (keep or 0) :]
        self.stores.pop(name, None)

    def kill(self, name):
        self.hosts[name].hold(self, "kill")
        self.stores.pop(name, None)

    def start(self, name):
        self.hosts[name].release(self)

    def close(self):
        self.world.close()
