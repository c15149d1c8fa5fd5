"""A fleet: many devices as one node. Its author declares columns and writes what happens to arrays of devices.

Each device wakes at times of its own; those that are due within one tick are handed over together, in one event of
the kernel. Draws belong to a device, so that neither the size of a batch nor its order changes what a device draws.
Messages are batches, whose rows the network treats as a datagram each.

A fleet deliberately is no host for each device: they share a clock, a link and a life. A share of them can be down
(`FleetConfig.down`); who needs a partition through the middle makes two fleets.
"""

import asyncio
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simkit.card import Metric
from simkit.fleet.column import columns_of
from simkit.fleet.config import FleetConfig
from simkit.fleet.wake_ups import Devices, Times, WakeUps
from simkit.kernel.streams import Streams
from simkit.kernel.turns import NEVER_NS
from simkit.network.batch import Batch
from simkit.node import Node

DOWN = "down"
"""What devices are in that do not run; no fleet's own state may be called so."""


class Fleet(Node):
    """Many devices on one host; a subclass writes `begin`, `woke`, and handlers of batches.

    Attributes:
        states: what a device can be in, the first one when it begins; the gauge ``devices.STATE`` shows how many are.
        count: how many devices there are, numbered from 0.
    """

    states: ClassVar[tuple[str, ...]] = ("running",)
    config: FleetConfig

    def __init__(self) -> None:
        names = (*type(self).states, DOWN)
        if len(set(names)) < len(names) or len(names) > 256:
            raise ValueError(f"{type(self).__name__}.states are up to 255 different words, and not {DOWN!r}")
        self.count = count = self.config.devices
        self._codes = {name: code for code, name in enumerate(names)}
        self._state = np.zeros(count, dtype=np.uint8)
        self._census = np.zeros(len(names), dtype=np.int64)
        self._census[0] = count
        self._gauges = [self.metrics.gauge(f"devices.{name}") for name in type(self).states]
        for name, column in columns_of(type(self)).items():
            vars(self)[name] = column.fresh(count)
        self._streams: dict[str, Streams] = {}
        self._wake_ups = WakeUps(count, int(self.config.tick), by_due=self.config.order == "due")
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ns = NEVER_NS
        self.network.admit = self._admit
        self._show()

    @classmethod
    def gauges(cls) -> dict[str, Metric]:
        """Return the metrics of a fleet's states, for the card of its system."""
        return {f"devices.{name}": Metric("gauge", f"devices that are {name}") for name in (*cls.states, DOWN)}

    # -- what a subclass writes

    def begin(self, devices: Devices) -> None:
        """Let devices begin that have just booted: all of them at first, later those that were down."""

    def end(self, devices: Devices) -> None:
        """Take note of devices that go down, while they still are in the state in which it finds them."""

    def woke(self, devices: Devices, due_ns: Times) -> None:
        """Go on with devices that are due; they sleep from now on unless they are woken again.

        Args:
            devices: their numbers, in order.
            due_ns: for when each was due, up to a tick ago.
        """
        raise NotImplementedError(f"{type(self).__name__} wakes devices, so it needs woke()")

    # -- what it calls

    @property
    def now_ns(self) -> int:
        """The time on the host's monotonic clock, by which all devices go."""
        return self.clock.monotonic_ns()

    def wake(self, devices: Devices, at_ns: int | NDArray[Any]) -> None:
        """Wake devices at times on the host's clock, once: all at one, or each at its own. The last call counts.

        Those that are down then sleep on. ValueError for what is no time.
        """
        self._wake_ups.set(devices, at_ns)
        self._arm()

    def draws(self, name: str) -> Streams:
        """Return random streams of that name, one for each device; a boot begins new ones."""
        streams = self._streams.get(name)
        if streams is None:
            streams = self._streams[name] = self._fresh_streams(name)
        return streams

    def enter(self, devices: Devices, state: str) -> None:
        """Let devices be in a state."""
        code = self._code(state)
        if not len(devices):
            return
        self._census -= np.bincount(self._state[devices], minlength=len(self._census))
        self._census[code] += len(devices)
        self._state[devices] = code
        self._show()

    def is_in(self, devices: Devices, state: str) -> NDArray[np.bool_]:
        """Return which of some devices are in a state."""
        return np.equal(self._state[devices], self._code(state))

    def census(self, state: str) -> int:
        """Return how many devices are in a state."""
        return int(self._census[self._code(state)])

    # -- how it runs

    async def run(self) -> None:
        """Let every device begin, and wait."""
        down = self._chosen_down(self.config)
        self.enter(np.flatnonzero(down), DOWN)
        self.begin(np.flatnonzero(~down))
        await super().run()

    def reconfigure(self, config: Any) -> None:
        """See `Node.reconfigure`; another share of devices is down at once."""
        super().reconfigure(config)
        wanted, down = self._chosen_down(config), self._state == self._codes[DOWN]
        gone, back = np.flatnonzero(wanted & ~down), np.flatnonzero(~wanted & down)
        if len(gone):
            self.end(gone)
        self._wake_ups.clear(gone)
        self.enter(gone, DOWN)
        for name, column in columns_of(type(self)).items():
            getattr(self, name)[back] = column.initial
        self.enter(back, type(self).states[0])
        if len(back):
            self.begin(back)

    def _chosen_down(self, config: FleetConfig) -> NDArray[np.bool_]:
        """Return which devices do not run; of a greater share all of a smaller one are part."""
        return self._fresh_streams(DOWN).random(np.arange(self.count)) < config.down

    def _fresh_streams(self, name: str) -> Streams:
        host = self._host
        return host.world.streams(f"node/{host.name}/{host.incarnation}/{name}", self.count)

    def _show(self) -> None:
        if self._census[-1] and len(self._gauges) < len(self._census):
            # Where no device ever is down, no report need show it.
            self._gauges.append(self.metrics.gauge(f"devices.{DOWN}"))
        for gauge, number in zip(self._gauges, self._census.tolist(), strict=False):
            if gauge.value != number:
                gauge.set(number)

    def _code(self, state: str) -> int:
        code = self._codes.get(state)
        if code is None:
            raise KeyError(f"{type(self).__name__} has no state {state!r}; there are {', '.join(self._codes)}")
        return code

    def _arm(self) -> None:
        """Keep one timer, for the next tick in which somebody is due."""
        next_ns = self._wake_ups.next_ns()
        if next_ns < self._armed_ns:
            if self._timer is not None:
                self._timer.cancel()
            self._armed_ns = next_ns
            self._timer = self._host.loop.call_at(next_ns / 1e9, self._ring)

    def _ring(self) -> None:
        # A timer's float seconds can be some nanoseconds early, months after the beginning.
        now_ns = max(self.now_ns, self._armed_ns)
        self._armed_ns = 0  # what is woken meanwhile needs no timer: the next one is set in the end
        devices, due_ns = self._wake_ups.take(now_ns)
        if self._census[-1]:
            running = self._state[devices] != self._codes[DOWN]
            devices, due_ns = devices[running], due_ns[running]
        if len(devices):
            self.woke(devices, due_ns)
        self._timer, self._armed_ns = None, NEVER_NS
        self._arm()

    def _admit(self, batch: Batch) -> Batch | None:
        """Leave of a batch what is for devices that run; what is for nobody is logged."""
        devices = batch.devices.array
        known = devices < self.count
        if not known.all():
            self.log.warning("%s is for device %d of %d: dropped", batch.wire_tag, int(devices.max()), self.count)
            batch = batch.take(np.flatnonzero(known))
            devices = batch.devices.array
        running = self._state[devices] != self._codes[DOWN]
        if not running.all():
            batch = batch.take(np.flatnonzero(running))
        return batch if len(batch) else None
