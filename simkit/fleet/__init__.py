"""Fleets: a million devices as one node, in columns instead of objects.

A fleet runs on a host like any other node: it is booted, killed, paused and cut off, it sends messages and is measured.
What happens to many of its devices in one tick of time is one call with an array of their numbers.

It is deliberately no second way to write a server: who has few instances, or much to say in each, writes a node.
"""

from simkit.fleet.column import Column
from simkit.fleet.config import FleetConfig
from simkit.fleet.fleet import Fleet
from simkit.fleet.wake_ups import Devices, Times
from simkit.kernel.streams import Streams
from simkit.network.batch import Batch, Values

__all__ = ["Batch", "Column", "Devices", "Fleet", "FleetConfig", "Streams", "Times", "Values"]
