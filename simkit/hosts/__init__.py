"""A simulated machine: how it boots and ends, its clock, its processor, its disk.

What is volatile dies with the process, what is durable outlives it, and the way a process ends decides which is which.

Nothing here knows a network or a program: both are attached from outside.
"""

from simkit.hosts.clock import Clock
from simkit.hosts.cpu import Cpu
from simkit.hosts.disk import Disk
from simkit.hosts.fault_point import fault_point
from simkit.hosts.host import Host

__all__ = ["Clock", "Cpu", "Disk", "Host", "fault_point"]
