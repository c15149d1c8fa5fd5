"""Who the process is and where it runs: the host's answers instead of the machine's.

A process of a host has a number, which its next incarnation does not share; the machine has the host's name, its cores
and a hardware address made of its place in the world. `uuid1` is made of these and of the host's clock.

It deliberately leaves the environment variables, the user and the working directory as they are: they are input to a
run, like the versions of its libraries.
"""

import _socket
import _thread
import os
import platform
import socket
import threading
import uuid
from importlib import import_module

from simkit.kernel.fence.clocks import wall_ns
from simkit.kernel.fence.diversion import divert, divert_python
from simkit.kernel.fence.entropy import entropy
from simkit.kernel.loop import HostLoop

_PROCESSES_OF_A_HOST = 1000
_GREGORIAN_100NS = 0x01B21DD213814000  # between 1582-10-15, where UUIDs begin to count, and 1970


def process_number(loop: HostLoop) -> int:
    """Return the process number: thousands for the host, and its incarnation."""
    incarnation = getattr(loop.host, "incarnation", 1)
    return (loop.index + 2) * _PROCESSES_OF_A_HOST + incarnation % _PROCESSES_OF_A_HOST


def name_of(loop: HostLoop) -> str:
    """Return the host's name."""
    return loop.name or "simkit"


def hardware_address(loop: HostLoop) -> int:
    """Return a locally administered address with the host's number in it."""
    return 0x02_00_00_00_00_00 + loop.index + 1


def cores(loop: HostLoop) -> int:
    """Return how many cores the machine has."""
    cpu = getattr(loop.host, "cpu", None)
    return getattr(cpu, "cores", 1)


def _uuid_of_time(loop: HostLoop) -> tuple[bytes, None]:
    """Answer `_uuid.generate_time_safe`, which asks the system for a UUID of version 1."""
    ticks = wall_ns(loop) // 100 + _GREGORIAN_100NS
    # Two in the same instant must differ: the clock sequence is drawn anew each time.
    sequence = entropy(loop).below(1 << 14)
    fields = (ticks & 0xFFFF_FFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF)
    made = uuid.UUID(fields=(*fields, sequence >> 8, sequence & 0xFF, hardware_address(loop)), version=1)
    return made.bytes, None


def install() -> None:
    """Divert every function that tells one process or machine from another."""
    divert(os, "getpid", process_number)
    divert(os, "getppid", lambda _: 1)
    divert(os, "cpu_count", cores)
    divert(os, "sched_getaffinity", lambda loop, _: set(range(cores(loop))))
    divert(_thread, "get_native_id", process_number)
    threading.get_native_id = _thread.get_native_id
    divert(_socket, "gethostname", name_of)
    socket.gethostname = _socket.gethostname
    divert_python(platform.node, name_of)
    divert_python(uuid.getnode, hardware_address)
    _divert_uname()
    try:
        system_uuid = import_module("_uuid")
    except ImportError:
        return  # then `uuid1` asks `getnode` and the clock
    divert(system_uuid, "generate_time_safe", _uuid_of_time)
    uuid._generate_time_safe = getattr(system_uuid, "generate_time_safe", None)  # type: ignore[attr-defined]


def _divert_uname() -> None:
    def uname(loop: HostLoop) -> os.uname_result:
        names = real()
        return os.uname_result((names[0], name_of(loop), *names[2:]))

    real = divert(os, "uname", uname)
