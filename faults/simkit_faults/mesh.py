"""Faults of the network's own machines: a link between routers, or a router, is gone.

What would cross it is lost until the other routers have noticed; then packets take another way, or hear that there is
none. They need a `graph:` under `network:`.

They deliberately never touch a host: one whose only router is gone is up, and alone.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from simkit.fault import Arena, Condition, MeshPart


class _OfMesh(Condition):
    """What lets parts of the mesh fail."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[MeshPart, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as standing:
            for part in targets:
                standing.callback(arena.network.fail_in_mesh(part))
            yield


class LinkDown(_OfMesh):
    """Links between routers carry nothing; packets find another way once the routers have noticed.

    Seen: ships' anchors and fishing nets cut submarine cables some two hundred times a year (International Cable
    Protection Committee); in the Red Sea, in February 2024, three at once, and traffic between Asia and Europe went
    round. Gill, Jain and Nagappan, "Understanding Network Failures in Data Centers", SIGCOMM 2011.
    """

    word = "link_down"
    target = "wires"


class RouterDown(_OfMesh):
    """Routers forward nothing; packets find a way around them once the others have noticed.

    Seen: Rogers, 8 July 2022, a filter was deleted, core routers were flooded with routes and gave up, and a quarter of
    Canada was without a network for a day; CenturyLink, 30 August 2020, a rule let routers restart their sessions in a
    loop for five hours.
    """

    word = "router_down"
    target = "routers"
