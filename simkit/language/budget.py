"""How many hosts of a group may be struck at once, over all faults: what a quorum can bear.

A host is struck while a fault holds it that takes it down, cuts it off or damages its disk, and for as long after that
as the system may take to repair it. A strike that would go beyond the budget takes fewer hosts, or nobody.

It deliberately leaves alone what only slows a host down or sets its clock wrong: that may hold everywhere at once.

Prior art: TigerBeetle's fault atlas, which never corrupts what a quorum could not repair.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from simkit.kernel import World
from simkit.language.roster import HostEntry


@dataclass(frozen=True)
class Allowance:
    """One entry of `budget:`: of these hosts at most `down` at once, each counted `settle_ns` longer than its fault."""

    name: str
    members: frozenset[str]
    down: int
    settle_ns: int = 0


class Budget:
    """The budget of one run."""

    def __init__(self, world: World, allowances: Sequence[Allowance]) -> None:
        self._world = world
        self._allowances = allowances
        self._struck: list[Counter[str]] = [Counter() for _ in allowances]

    def fits(self, names: Iterable[str]) -> bool:
        """Return whether these hosts may be struck besides those that are."""
        more = frozenset(names)
        return all(
            not (new := more & allowance.members) or len(new | struck.keys()) <= allowance.down
            for allowance, struck in zip(self._allowances, self._struck, strict=True)
        )

    def spare(self) -> Callable[[HostEntry], bool]:
        """Return what says of one host after the other whether it may be struck besides those before it."""
        taken: set[str] = set()

        def ask(host: HostEntry) -> bool:
            if not self.fits({*taken, host.name}):
                return False
            taken.add(host.name)
            return True

        return ask

    def cut_off(self, groups: Sequence[Sequence[str]]) -> frozenset[str]:
        """Return who counts as struck by a partition: everybody but the side with most members, for each allowance."""
        lost: set[str] = set()
        for allowance in self._allowances:
            sides = [allowance.members.intersection(group) for group in groups]
            largest = max(sides, key=len, default=frozenset())
            lost.update(*(side for side in sides if side is not largest))
        return frozenset(lost)

    def begin(self, names: Iterable[str]) -> Callable[[], None]:
        """Count hosts as struck; return what says that their fault is over."""
        counted = [
            [name for name in names if name in allowance.members] for allowance in self._allowances
        ]  # fmt: skip
        for struck, members in zip(self._struck, counted, strict=True):
            struck.update(members)

        def end() -> None:
            world = self._world
            for allowance, struck, members in zip(self._allowances, self._struck, counted, strict=True):
                if allowance.settle_ns and members:
                    world.post(world.now_ns + allowance.settle_ns, world.control, _release, struck, members)
                else:
                    _release(struck, members)

        return end


def _release(struck: Counter[str], members: Iterable[str]) -> None:
    for name in members:
        struck[name] -= 1
        if not struck[name]:
            del struck[name]
