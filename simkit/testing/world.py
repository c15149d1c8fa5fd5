"""What a test sees of its world: the hosts, the virtual time, and faults for as long as a `with` block lasts.

The test is a program on a host of its own, called `test`; its code is plain asyncio and plain client libraries. Beyond
that it may do what no program can: end another host's process, cut the network, ask for the world's seed.

It deliberately shows no kernel: what a test needs to know of the service under test, it asks the service.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from simkit.fault import Fault
from simkit.hosts.host import Host
from simkit.kernel import Stream
from simkit.language.assembly import Assembly
from simkit.language.injection import TIMING, Injection, injection_of, read_injection
from simkit.language.problem import Position, Problem, Refusal, ScenarioError
from simkit.language.text import Entry, MappingNode, ScalarNode, read_text
from simkit.testing.declaration import SYSTEM, as_lines


class TestedWorld:
    """The world of one test and one seed; the fixture `world` is one.

    Attributes:
        seed: what all chance comes from.
    """

    __test__ = False  # pytest takes classes of this name for tests where a module imports them

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._assembly: Assembly | None = None

    def begin(self, assembly: Assembly) -> None:
        """Show this world from now on; called before the test runs."""
        self._assembly = assembly

    @property
    def _begun(self) -> Assembly:
        if self._assembly is None:
            raise RuntimeError("the world begins when the test does; a fixture comes too early for it")
        return self._assembly

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Every host by name; each can `kill()`, `power_cut()`, `pause()`, `resume()`, `stop()` and `boot()`."""
        return self._begun.hosts

    @property
    def now(self) -> float:
        """Seconds of virtual time since the world began."""
        return self._begun.world.now_ns / 1e9

    @property
    def random(self) -> Stream:
        """Draws for the test itself; they move nothing else."""
        return self._begun.world.stream(f"{SYSTEM}/random")

    @contextmanager
    def fault(self, given: str | Fault, targets: str | None = None) -> Iterator[None]:
        """Let a fault hold for as long as the context is open; an act strikes as it opens.

        Args:
            given: as in a scenario file but without times, ``"kill: server"`` or ``"latency: server <-> test, add:
                50ms"``; or an object of a fault's class.
            targets: whom an object strikes; a text says it itself.

        Raises:
            ScenarioError: for what is wrong with the text.
        """
        injector = self._begun.injector
        name = injector.unused_name(given.word if isinstance(given, Fault) else "fault")
        place = Position(f"world.fault({given!r})"[:100], 0, 0)
        if isinstance(given, Fault):
            if targets is None:
                raise TypeError(f"world.fault({given.word}, TARGETS): say whom it strikes")
            injection = injection_of(name, given, ScalarNode(place, targets), place)
        else:
            injection = self._read(name, given, place)
        self._check_targets(injection, place)
        with injector.during(injection):
            yield

    def _check_targets(self, injection: Injection, place: Position) -> None:
        for target in injection.host_targets:
            try:
                target.candidates(self._begun.scenario.roster)
            except Refusal as refusal:
                raise ScenarioError(refusal.at(place)) from None

    def _read(self, name: str, text: str, place: Position) -> Injection:
        node = read_text(as_lines(text), place.file)
        problems: list[Problem] = []
        entries = dict(node.entries) if isinstance(node, MappingNode) else {}
        for key in TIMING:
            if key in entries:
                raise ScenarioError(Problem(place, f"`{key}`: the `with` block says when it begins and ends"))
        entries["at"] = Entry(place, ScalarNode(place, "0s"))
        faults = self._faults()
        lasting = [key for key in entries if key in faults and faults[key].kind == "condition"]
        if lasting:
            entries["forever"] = Entry(place, ScalarNode(place, "true"))
        injection = read_injection(name, Entry(place, MappingNode(place, entries)), faults, problems)
        if injection is None:
            raise ScenarioError(problems)
        return injection

    @staticmethod
    def _faults() -> Mapping[str, Any]:
        from simkit.registry import Registry

        return Registry().faults()
