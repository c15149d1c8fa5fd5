"""What the interpreter's audit events say about host code: files, sockets, processes and libraries.

The rule for files: reading what belongs to the installed code is allowed, because a library's own data (certificates,
time zones, templates) is as constant as its code. That is every file below a folder of `sys.path` or of the
interpreter, the system's time zones, and program text anywhere. `/proc` and `/sys` do not exist on a simulated host.
Everything else is refused: a host's files are on its disk.

The rule for sockets: a socket may be made, because clients make them before they ask their loop to connect; whatever
would reach the network is refused. The rest is in the tables below. Modules are imported outside of every host
(`imports`), so that nothing here concerns what they do then.

It deliberately sees only what the interpreter audits: `os.stat` and a C extension's own system calls are not.
"""

import errno
import os
import sys
import zoneinfo
from collections.abc import Callable
from importlib.machinery import all_suffixes
from typing import Any

from simkit.kernel.fence.refusal import refuse
from simkit.kernel.fence.whereabouts import compiled, here
from simkit.kernel.loop import HostLoop

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DISK = "a host's files are on its disk (self.disk)"
_STREAMS = "use asyncio streams, or self.network"
_NAMES = "await loop.getaddrinfo, which asks the simulated network"
_PROCESSES = "a host is one process; use more hosts"
_MEMORY_DATABASES = frozenset({":memory:", b":memory:", "", b""})

_REFUSED_TOGETHER: tuple[tuple[str, str], ...] = (
    ("socket.connect socket.bind socket.sendto socket.sendmsg", _STREAMS),
    ("socket.getaddrinfo socket.gethostbyname socket.gethostbyaddr socket.getnameinfo", _NAMES),
    ("socket.sethostname", "a host's name is in the scenario"),
    ("subprocess.Popen os.system os.exec os.fork os.forkpty os.posix_spawn os.spawn pty.spawn", _PROCESSES),
    ("os.kill os.killpg signal.pthread_kill", "stop and kill are faults of the scenario"),
    ("os.mkdir os.remove os.rename os.rmdir os.link os.symlink os.truncate os.utime os.chmod os.chown", _DISK),
    ("os.setxattr os.removexattr os.lockf fcntl.flock fcntl.lockf shutil.rmtree shutil.move", _DISK),
    ("tempfile.mkstemp tempfile.mkdtemp", _DISK),
    ("os.chdir os.putenv os.unsetenv", "all hosts of a run share one process; use its config"),
    ("ctypes.dlopen ctypes.dlsym ctypes.dlsym/handle sqlite3.load_extension", "foreign code sees the real machine"),
    ("builtins.input", "nobody types into a simulated host"),
    ("syslog.syslog", "use logging, which the run keeps"),
)
REFUSED = {event: instead for events, instead in _REFUSED_TOGETHER for event in events.split()}
"""Audit events that are refused whatever their arguments, and what to use instead."""


def _folders() -> tuple[str, ...]:
    """Return the folders whose files belong to the installed code."""
    named = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *zoneinfo.TZPATH}
    named |= {os.path.abspath(entry) for entry in sys.path}
    return tuple(sorted({form.rstrip(os.sep) + os.sep for name in named for form in (name, os.path.realpath(name))}))


_PROGRAM_TEXT = tuple(all_suffixes())
_NOWHERE = ("/proc/", "/sys/")
_known_folders: dict[tuple[str, ...], tuple[str, ...]] = {}


def readable(path: str) -> bool:
    """Return whether reading the file, or listing the folder, is reading the installed code."""
    key = tuple(sys.path)
    folders = _known_folders.get(key)
    if folders is None:
        folders = _known_folders[key] = _folders()
    path = os.path.abspath(path)
    return path == os.devnull or path.endswith(_PROGRAM_TEXT) or (path + os.sep).startswith(folders)


def _open(loop: HostLoop, path: Any, mode: Any, flags: int) -> None:
    if isinstance(path, int):
        return  # opened before
    name = os.fsdecode(path)
    if name.startswith(_NOWHERE):
        raise FileNotFoundError(errno.ENOENT, "a simulated host has no such folder", name)
    writing = bool(flags & _WRITING) if not isinstance(mode, str) else bool(set(mode) & set("wax+"))
    if not writing and name.startswith("<") and name.endswith(">"):
        # Text that came from no file: Python looks for one of that name to show a line in a message.
        raise FileNotFoundError(errno.ENOENT, "this names no file", name)
    if os.path.abspath(name) != os.devnull and (writing or not readable(name)):
        refuse(loop, f"open({name!r}, {mode or oct(flags)!r})", _DISK)


def _list(event: str) -> Callable[..., None]:
    def listing(loop: HostLoop, path: Any = ".", *_: Any) -> None:
        if not isinstance(path, int) and not readable(os.fsdecode("." if path is None else path)):
            refuse(loop, f"{event}({os.fsdecode('.' if path is None else path)!r})", _DISK)

    return listing


def _map_memory(loop: HostLoop, file: int, *_: Any) -> None:
    if file != -1:
        refuse(loop, f"mmap of file {file}", _DISK)


def _database(loop: HostLoop, database: Any, *_: Any) -> None:
    if database not in _MEMORY_DATABASES:
        refuse(loop, f"sqlite3.connect({database!r})", "only ':memory:' is a host's own; " + _DISK)


GATES: dict[str, Callable[..., None]] = {
    "open": _open,
    "os.listdir": _list("os.listdir"),
    "os.scandir": _list("os.scandir"),
    "mmap.__new__": _map_memory,
    "sqlite3.connect": _database,
}
"""Audit events whose arguments decide."""


def _gate_of(event: str) -> Callable[[HostLoop, tuple[Any, ...]], None]:
    """Return what is asked about an audit event: it returns, or raises."""
    gate = GATES.get(event)
    if gate is not None:
        return lambda loop, arguments: gate(loop, *arguments)
    instead = REFUSED[event]

    def refusing(loop: HostLoop, arguments: tuple[Any, ...]) -> None:
        refuse(loop, f"{event}({_in_words(event, arguments)})", instead)

    return refusing


def _in_words(event: str, arguments: tuple[Any, ...]) -> str:
    """Return what the event was about, short; sockets and functions have addresses in their names."""
    told = [repr(each)[:60] for each in arguments if isinstance(each, (str, bytes, int, tuple))]
    return ", ".join(told[:2])


def install() -> None:
    """Ask the gates from now on; an audit hook cannot be taken away again."""
    gates = {event: _gate_of(event) for event in (*GATES, *REFUSED)}
    if compiled is not None:
        compiled.watch(gates)
        return

    def audited(event: str, arguments: tuple[Any, ...]) -> None:
        gate = gates.get(event)
        loop = None if gate is None else here()
        if gate is not None and loop is not None:
            gate(loop, arguments)

    sys.addaudithook(audited)
