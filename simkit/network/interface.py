"""The network interface of one machine: what stays while processes come and go.

It has the machine's name and address, knows whether the machine has power, and keeps the paths to other machines. At
each boot it gives the new process a fresh stack without ports; when the process ends it lets that stack say goodbye,
or fall silent.

It deliberately holds no connection: those belong to the stack of one incarnation.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from simkit.network.path import Path
from simkit.network.resolver import Resolver
from simkit.network.stack import Stack
from simkit.network.tampering import Tamper, Tampering

if TYPE_CHECKING:
    from simkit.hosts.host import Host
    from simkit.network.network import Network


class Interface:
    """One machine on the network.

    Attributes:
        name, address: the host's name and its IPv4 address.
        powered: False after a power cut and before the first boot; then the machine answers nothing at all.
        stack: that of the running, or last, process.
        resolver: what the machine knows of names.
        tampering: what is done to the messages of its programs, None while nothing is.
        certificate_expired: how many faults let clients see an expired certificate of this machine.
    """

    __slots__ = (
        "__weakref__",
        "address",
        "certificate_expired",
        "host",
        "name",
        "network",
        "paths",
        "powered",
        "resolver",
        "stack",
        "tampering",
    )

    def __init__(self, network: "Network", host: "Host", address: str) -> None:
        self.network = network
        self.host = host
        self.name = host.name
        self.address = address
        self.powered = False
        self.paths: dict[str, Path] = {}
        self.tampering: Tampering | None = None
        self.certificate_expired = 0
        self.resolver = Resolver(self)
        self.stack = Stack(self, host.loop)
        host.listeners.append(self._transition)
        if host.running:
            self._boot()

    def path_to(self, target: "Interface") -> Path:
        """Return the path to `target`, made at its first use."""
        path = self.paths.get(target.name)
        if path is None:
            path = self.paths[target.name] = self.network.new_path(self, target)
        return path

    def tamper(self, tamper: Tamper) -> Callable[[], None]:
        """Tamper with every message of this machine's programs from now on; return what undoes it."""
        tampering = self.tampering = self.tampering or Tampering()
        remove = tampering.add(tamper)

        def undo() -> None:
            remove()
            if not tampering:
                self.tampering = None

        return undo

    def _boot(self) -> None:
        self.powered = True
        self.stack = Stack(self, self.host.loop)
        self.stack.running = self.stack.direct = True
        self.host.loop.stack = self.stack

    def _transition(self, host: "Host", transition: str) -> None:
        if transition == "boot":
            self._boot()
        elif transition == "pause":
            self.stack.pause()
        elif transition == "resume":
            self.stack.resume()
        elif transition in ("exit", "fail", "kill"):
            self.stack.process_ended()
        elif transition in ("power_cut", "wipe"):
            self.powered = False
            self.resolver.forget()
            self.stack.power_cut()
