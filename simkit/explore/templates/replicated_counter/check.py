"""The claim that the counter makes: what was acknowledged is never lost.

A check sees events and nothing else. It deliberately asks no replica what it has in memory: a claim that only an
insider could judge is worth nothing to the client who was promised something.
"""

from simkit.checks import Check, Step, sees

from .nodes import Acknowledged, Recovered


class NoAddLost(Check):
    """A replica that starts again counts on from at least the last add that was acknowledged for it."""

    name = "no_add_lost"

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged = 0
        self.last: dict[str, tuple[int, Step]] = {}

    @sees(Acknowledged)
    def acknowledge(self, time_ns: int, host: str, event: Acknowledged) -> None:
        self.acknowledged += 1
        number, _ = self.last.get(event.replica, (0, None))
        if event.number > number:
            step = Step(time_ns, host, f"add {event.number} of {event.replica} is acknowledged")
            self.last[event.replica] = (event.number, step)

    @sees(Recovered)
    def recover(self, time_ns: int, host: str, event: Recovered) -> None:
        if host not in self.last:
            return
        number, step = self.last[host]
        if event.number < number:
            lost = number - event.number
            came = Step(time_ns, host, f"recovered; counts on from {event.number}")
            self.violated(time_ns, host, f"{host} lost {lost} acknowledged adds", step, came)
            self.last[host] = (event.number, came)

    def summary(self) -> str:
        return f"{self.acknowledged:,} adds acknowledged, {self.violations_total} times some were lost"
