"""Virtual time: the order of instants, tasks, per-host event loops, random streams and stations.

The kernel knows no host, no network and no fault. It runs callbacks of many asyncio loops in one order that only the
seed decides, and owns the sink through which every room records what happened.

It is deliberately not a general simulation library: there are no resources, stores or containers here. A queue in
front of a processor is a `Station`; everything else is asyncio.
"""

from simkit.kernel.distribution import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    LogNormal,
    Normal,
    Uniform,
)
from simkit.kernel.fence.refusal import RealWorldReached
from simkit.kernel.loop import HostLoop
from simkit.kernel.mailbox import Mailbox
from simkit.kernel.records import Record, Records
from simkit.kernel.station import Station
from simkit.kernel.stream import Stream
from simkit.kernel.task import Future, Task
from simkit.kernel.world import Limits, Livelock, StepLimitReached, World

__all__ = [
    "Constant",
    "Distribution",
    "Empirical",
    "Exponential",
    "Future",
    "HostLoop",
    "Limits",
    "Livelock",
    "LogNormal",
    "Mailbox",
    "Normal",
    "RealWorldReached",
    "Record",
    "Records",
    "Station",
    "StepLimitReached",
    "Stream",
    "Task",
    "Uniform",
    "World",
]
