"""From a resolved scenario to a world that is ready to run: hosts, network, programs, load and faults.

Everything is made in the order of the file, and nothing is drawn before the run begins.

It deliberately judges nothing and keeps no report: who wants to know what happens subscribes to the world's records
before `start`.
"""

from dataclasses import dataclass
from typing import Any

from simkit.card import Card
from simkit.hosts.cpu import Cpu
from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import MODELS
from simkit.hosts.host import Host
from simkit.kernel import Limits, World
from simkit.kernel.world import EPOCH_NS
from simkit.language.arrivals import Arrivals, arrivals_of
from simkit.language.injector import Injector
from simkit.language.load import Load
from simkit.language.presence import RoleBook
from simkit.language.resolved import Scenario
from simkit.language.roster import HostEntry
from simkit.language.software import Deployment
from simkit.language.target import resolve_all
from simkit.language.timekeeping import clock_of, keepers_of
from simkit.network.endpoint import Endpoint
from simkit.network.network import Network
from simkit.node import Directory, Equipment
from simkit.observe.observation import Observation

RESTART_NS = 1_000_000_000
"""How long `supervise: restart` waits before it boots a program that crashed."""


def new_world(scenario: Scenario) -> World:
    """Return the empty world of a scenario: its seed, its date, its limits."""
    epoch_ns = EPOCH_NS if scenario.start_ns is None else scenario.start_ns
    limits = Limits(steps_per_instant=scenario.limits.steps_per_instant, steps=scenario.limits.events)
    return World(scenario.seed, epoch_ns=epoch_ns, limits=limits)


@dataclass
class Failure:
    """An exception that ended a process, or a fault's own code."""

    error: BaseException
    host: str
    time_ns: int


class Assembly:
    """The world of one scenario.

    Args:
        scenario: what to build.
        card: of the scenario's system.
        world: empty, with the scenario's seed; `new_world` makes one.
        observation: what watches it.
        strict: send every message through encode and decode.

    Attributes:
        world, hosts, network, software, injector: the parts.
        failure: the first exception that the scenario does not allow; the run stops at it.
    """

    def __init__(
        self, scenario: Scenario, card: Card, world: World, observation: Observation, *, strict: bool = False
    ) -> None:
        self.scenario = scenario
        self.card = card
        self.world = world
        self.failure: Failure | None = None
        world.control.set_exception_handler(self._control_failed)
        self._observation = observation
        self.software = Deployment(card, scenario.config, scenario.document)
        self.network = Network(world, scenario.wiring.topology(), tcp=scenario.wiring.tcp, strict=strict)
        self.hosts = {entry.name: self._host(entry) for entry in scenario.roster.hosts}
        roster = scenario.roster
        self._timekeepers = [keeper for entry in roster.hosts for keeper in keepers_of(entry, roster, self.network)]
        self._directory = Directory(self.hosts.values())
        self.injector = Injector(
            self.world,
            self.hosts,
            self.network,
            scenario.roster,
            scenario.faults,
            software=self.software,
            book=RoleBook(world, card.dynamic_roles),
            budget=scenario.budget,
            left_out=scenario.left_out,
        )
        self._arrivals: list[Arrivals] = []

    def _host(self, entry: HostEntry) -> Host:
        world = self.world
        host = Host(
            world,
            entry.name,
            index=entry.index,
            group=entry.group,
            role=entry.role,
            zone=entry.zone,
            rack=entry.rack,
            region=entry.region,
            clock=clock_of(world, entry.clock),
            cpu=Cpu(world, cores=entry.cores),
            disk=Disk(world, entry.name, MODELS[entry.disk]),
            program=self._program,
        )
        host.on_failure = self._host_failed
        self.network.attach(host)
        host.listeners.append(self._host_changed)
        return host

    async def _program(self, host: Host) -> None:
        """Run the node of a host: the main coroutine of its process."""
        endpoint = Endpoint(self.network, host)
        equipment = Equipment(
            host=host,
            config=self.software.config_of(host),
            endpoint=endpoint,
            metrics=self._observation.metrics_of(host.name),
            history=self._observation.history,
            directory=self._directory,
        )
        node = self.software.nodes[host.name] = self.software.program_of(host).on(equipment)
        endpoint.bind(node)
        await node.run()

    # -- the run

    def start(self) -> None:
        """Boot every host, and let load and faults wait for their moments; nothing has run yet."""
        for host in self.hosts.values():
            host.boot()
        for keeper in self._timekeepers:
            keeper.start()
        end_ns = int(self.scenario.duration)
        for spec in self.scenario.loads:
            assert isinstance(spec.model, Load)
            stream = self.world.stream(f"load/{spec.name}/hosts")
            entries = resolve_all(spec.targets, self.scenario.roster, stream)
            sources = [self.hosts[entry.name] for entry in entries]
            self._arrivals += arrivals_of(self.world, spec.name, spec.model, sources, end_ns, self._offer)
        self.injector.start()

    def _offer(self, host: Host, load: Load, number: int) -> None:
        """Hand an arrival to the program on a host; this runs in the host's own loop."""
        node = self.software.nodes.get(host.name)
        if node is not None:
            task = host.loop.create_task(node.offer(load, number))
            task.add_done_callback(lambda done: self._offered(host, done))

    @staticmethod
    def _offered(host: Host, task: Any) -> None:
        if not task.cancelled() and task.exception() is not None:
            host.fail(task.exception())

    @property
    def last_arrival_ns(self) -> int:
        """When the last load ends, as far as the file says; 0 without load."""
        end_ns = int(self.scenario.duration)
        return max((min(end_ns, int(a.load.until or end_ns)) for a in self._arrivals), default=0)

    @property
    def missed(self) -> int:
        """Arrivals that found no process."""
        return sum(arrivals.missed for arrivals in self._arrivals)

    # -- what goes wrong

    def _host_changed(self, host: Host, transition: str) -> None:
        if not host.running:
            self.software.nodes.pop(host.name, None)

    def _host_failed(self, host: Host, error: BaseException) -> None:
        if self.scenario.supervise == "restart":
            incarnation = host.incarnation
            self.world.post(self.world.now_ns + RESTART_NS, self.world.control, self._restart, host, incarnation)
        else:
            self._fail(error, host.name)

    @staticmethod
    def _restart(host: Host, incarnation: int) -> None:
        if host.incarnation == incarnation and not host.held_down:
            host.boot()

    def _control_failed(self, _: object, context: dict[str, Any]) -> None:
        self._fail(context.get("exception") or RuntimeError(context["message"]), "")

    def _fail(self, error: BaseException, host: str) -> None:
        if self.failure is None:
            self.failure = Failure(error, host, self.world.now_ns)
            self.world.stop()
