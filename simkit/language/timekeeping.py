"""The clocks of a scenario as its file describes them, and what moves them: wandering crystals and time daemons.

It deliberately knows no faults: those add to whatever moves a clock already.
"""

from collections.abc import Iterator

from simkit.hosts.clock import Clock
from simkit.hosts.wander import Wander
from simkit.kernel import World
from simkit.language.model import ClockModel
from simkit.language.roster import HostEntry, Roster
from simkit.network.network import Network
from simkit.network.ntp import TimeDaemon


def clock_of(world: World, model: ClockModel) -> Clock:
    """Return the clock of one host."""
    return Clock(world, offset_ns=int(model.offset), drift_ppb=int(model.drift), bound_ns=int(model.bound))


def keepers_of(entry: HostEntry, roster: Roster, network: Network) -> Iterator[Wander | TimeDaemon]:
    """Yield what moves the clock of one host, ready to be started when all hosts have booted."""
    machine, model = network.interfaces[entry.name.lower()], entry.clock
    if model.wander:
        yield Wander(network.world, machine.host.clock, entry.name, float(model.wander))
    if model.ntp is not None:
        servers = dict.fromkeys(name for word in model.ntp.servers for name in _names(word, roster))
        machines = tuple(network.interfaces[name.lower()] for name in servers)
        yield TimeDaemon(machine, machines, int(model.ntp.poll))


def _names(word: str, roster: Roster) -> list[str]:
    """Return the hosts of a group, or the one host of that name."""
    return [host.name for host in roster.groups.get(word) or (roster.by_name[word],)]
