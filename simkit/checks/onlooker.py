"""What watches the events of a run one by one: the part that checks and a system's figures have in common.

It deliberately cannot touch anything: it is handed values, in order, and keeps what it likes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from simkit.node import Event

_Method = TypeVar("_Method", bound=Callable[..., None])

Sight = Callable[[int, str, Any], None]
"""What sees an event: it takes the time in ns, the host and the event."""


def sees(*kinds: type[Event]) -> Callable[[_Method], _Method]:
    """Let a method see the events of these kinds: ``method(self, time_ns, host, event)``."""

    def mark(method: _Method) -> _Method:
        method.sees = kinds  # type: ignore[attr-defined]
        return method

    return mark


class Onlooker:
    """An instance watches one run; a subclass marks the methods that see events with `sees`, or overrides `observe`.

    Attributes:
        name: as cards, scenario files and reports know it.
    """

    name: ClassVar[str]
    _marked: ClassVar[Mapping[str, tuple[type[Event], ...]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {name: method.sees for name, method in vars(cls).items() if hasattr(method, "sees")}
        cls._marked = {**cls._marked, **own}

    def prepare(self, config: Mapping[str, Any]) -> None:
        """See the config of every role, by role, before the run: bounds such as a lease's length stand there."""

    def meet(self, others: Sequence["Onlooker"]) -> None:
        """See who watches the same run, itself among them, before it begins: one may keep for all what all would keep.

        They see each event in this order.
        """

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        """See one emitted event; every event of the run comes here, in order, before the marked methods see it."""

    def sights(self, kind: type[Event]) -> tuple[Sight, ...]:
        """Return what sees the events of a kind, in order: `observe` where overridden, then the marked methods."""
        every: tuple[Sight, ...] = () if type(self).observe is Onlooker.observe else (self.observe,)
        return every + tuple(
            getattr(self, name) for name, kinds in self._marked.items() if any(issubclass(kind, seen) for seen in kinds)
        )
