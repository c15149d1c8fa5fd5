"""The socket that host code gets when it asks for a `socket.socket`.

It is a true `socket.socket` to whoever checks, without a file descriptor beneath: libraries make one, hand it to
`loop.sock_connect` or bind it, and give it to `create_connection` or `create_server`. Everything that needs no waiting
works directly; what has to wait goes through the event loop.

It deliberately never blocks: a call that would stop the whole process is an error that names the line. And it speaks
IPv4 only, as the simulated network does.
"""

import errno
import socket
from asyncio import Future, events
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from simkit.kernel.fence import here
from simkit.network.datagram_socket import DatagramSocket
from simkit.network.refusal import refusal
from simkit.network.socket_options import Option, SocketOptions
from simkit.network.stream_socket import StreamSocket
from simkit.network.tcp import Half, SocketAddress, os_error

if TYPE_CHECKING:
    from simkit.network.stack import Stack

Result = TypeVar("Result")
Buffer = bytes | bytearray | memoryview
_KIND_BITS = 0xF  # above them stand SOCK_NONBLOCK and SOCK_CLOEXEC


class HostSocket(socket.socket):
    """A simulated socket; the arguments are those of `socket.socket`."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: object = None) -> None:
        self._closed = False
        self._io_refs = 0
        self._number = -1  # before anything can fail: a finalizer asks for it
        if fileno is not None:
            raise refusal("a file descriptor cannot become a simulated socket:")
        if family not in (-1, socket.AF_INET):
            text = "Address family not supported by protocol: the simulated network speaks IPv4 only"
            raise OSError(errno.EAFNOSUPPORT, text)
        kind = socket.SOCK_STREAM if type == -1 else socket.SocketKind(type & _KIND_BITS)
        if kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            raise os_error(errno.EPERM if kind == socket.SOCK_RAW else errno.ESOCKTNOSUPPORT)
        loop = here()
        if loop is None or loop.stack is None:
            raise os_error(errno.ENETDOWN)
        self._stack: Stack = loop.stack
        self._timeout: float | None = 0.0 if type & socket.SOCK_NONBLOCK and type != -1 else socket.getdefaulttimeout()
        self._options = SocketOptions(kind)
        self._waiting: dict[str, deque[Future[None]]] = {"read": deque(), "write": deque()}
        self._watchers: dict[str, events.Handle] = {}
        self._told: dict[str, events.Handle] = {}  # watchers that are about to run
        self.state: StreamSocket | DatagramSocket = (
            StreamSocket(self._stack, self._options, self._changed)
            if kind == socket.SOCK_STREAM
            else DatagramSocket(self._stack, self._options, self._changed)
        )
        self._number = self._stack.number_socket(self)

    def __repr__(self) -> str:
        if self._closed:
            return "<HostSocket closed>"
        return f"<HostSocket {self.type.name} laddr={self.state.local} raddr={self.state.remote}>"

    def __del__(self) -> None:
        """Close, as a real socket's descriptor is closed when the last reference goes."""
        if not self._closed and self._number >= 0 and self._stack.running:
            self.close()

    # -- what it is

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET

    @property
    def type(self) -> socket.SocketKind:
        return self._options.type

    @property
    def proto(self) -> int:
        return self._options.protocol

    @property
    def timeout(self) -> float | None:
        return self._timeout

    @property
    def options(self) -> SocketOptions:
        """The options, which a transport shares."""
        return self._options

    def fileno(self) -> int:
        """Return a number beyond those of real files, under which the loop knows this socket; -1 once closed."""
        return -1 if self._closed else self._number

    def getsockname(self) -> SocketAddress:
        return self._open().local

    def getpeername(self) -> SocketAddress:
        remote = self._open().remote
        if remote is None:
            raise os_error(errno.ENOTCONN)
        return remote

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None) -> None:
        self._open()
        self._options.set(level, optname, value, optlen)

    def getsockopt(self, level: int, optname: int, buflen: int = 0) -> Option:  # type: ignore[override]
        self._open()
        return self._options.get(level, optname, buflen)

    def settimeout(self, value: float | None) -> None:
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        return self._timeout != 0.0

    def _open(self) -> StreamSocket | DatagramSocket:
        if self._closed:
            raise os_error(errno.EBADF)
        return self.state

    def stream(self) -> StreamSocket:
        """Return what a TCP socket can do; OSError of another kind of socket."""
        state = self._open()
        if not isinstance(state, StreamSocket):
            raise os_error(errno.EOPNOTSUPP)
        return state

    def datagrams(self) -> DatagramSocket:
        """Return what a UDP socket can do; OSError of another kind of socket."""
        state = self._open()
        if not isinstance(state, DatagramSocket):
            raise os_error(errno.EOPNOTSUPP)
        return state

    # -- calls that need no waiting

    def bind(self, address: Any) -> None:
        self._open().bind(self._stack.target_of(address))

    def listen(self, backlog: int = 128) -> None:
        self.stream().listen(backlog)

    def accept(self) -> tuple[socket.socket, Any]:
        return self.accepted(self._at_once(self.stream().accept))

    def accepted(self, half: Half) -> tuple["HostSocket", SocketAddress]:
        """Return the socket of an accepted connection, and the peer's address."""
        made = HostSocket.__new__(HostSocket)
        HostSocket.__init__(made)
        made._timeout = 0.0 if self._timeout == 0.0 else None
        made.state = StreamSocket.of(half, self._stack, made._options, made._changed)
        return made, half.remote

    def connect(self, address: Any) -> None:
        self._at_once(self._open().connect, self._stack.target_of(address))

    def connect_ex(self, address: Any) -> int:
        try:
            self.connect(address)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        self._no_flags(flags)
        return self._at_once(self._receive, bufsize)[0]

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def recvfrom(self, bufsize: int, flags: int = 0) -> tuple[bytes, Any]:
        self._no_flags(flags)
        return self._at_once(self._receive, bufsize)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        view = memoryview(buffer).cast("B")
        data, source = self.recvfrom(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data), source

    def _receive(self, size: int) -> tuple[bytes, Any]:
        state = self._open()
        return (state.receive(size), None) if isinstance(state, StreamSocket) else state.receive(size)

    def send(self, data: Any, flags: int = 0) -> int:
        self._no_flags(flags & ~socket.MSG_NOSIGNAL)
        state = self._open()
        view = memoryview(data).cast("B")
        if isinstance(state, StreamSocket):
            return self._at_once(state.send, view)
        return state.send(bytes(view))

    def sendall(self, data: Any, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def sendto(self, data: Any, *arguments: Any) -> int:
        """Send one packet to an address; the arguments are `[flags,] address`."""
        return self.datagrams().send(bytes(memoryview(data).cast("B")), self._stack.target_of(arguments[-1]))

    def shutdown(self, how: int) -> None:
        self.stream().shutdown(how)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._watchers.clear()
        self.state.close()
        for kind in self._waiting:
            self._changed(kind)

    def detach(self) -> NoReturn:
        raise refusal("there is no file descriptor to detach from a simulated socket")

    def dup(self) -> NoReturn:
        raise refusal("there is no file descriptor to duplicate of a simulated socket")

    def makefile(self, *arguments: Any, **options: Any) -> NoReturn:
        raise refusal("a simulated socket cannot be read as a file, which would block; use asyncio.open_connection")

    def _at_once(self, operation: Callable[..., Result], *arguments: Any) -> Result:
        try:
            return operation(*arguments)
        except BlockingIOError:
            if self._timeout == 0.0:
                raise
        raise refusal("a socket that blocks would stop every host; use the event loop, or setblocking(False)")

    @staticmethod
    def _no_flags(flags: int) -> None:
        if flags:
            raise OSError(errno.EOPNOTSUPP, f"flags {flags} are not supported by the simulated network")

    # -- waiting

    async def when(self, kind: str, operation: Callable[..., Result], *arguments: Any) -> Result:
        """Do something as soon as it is possible; `kind` is "read" or "write"."""
        while True:
            try:
                return operation(*arguments)
            except BlockingIOError:
                self._open()
            future: Future[None] = self._stack.loop.create_future()
            waiting = self._waiting[kind]
            waiting.append(future)
            try:
                await future
            finally:
                if future in waiting:
                    waiting.remove(future)

    def watch(self, kind: str, handle: events.Handle) -> None:
        """Run a handle whenever the socket can be read from, or written to."""
        self._open()
        self._watchers[kind] = handle
        self._look(kind)

    def unwatch(self, kind: str) -> bool:
        """Take that back; return False if nobody watched."""
        handle = self._watchers.pop(kind, None)
        if handle is not None:
            handle.cancel()
        return handle is not None

    def _changed(self, kind: str) -> None:
        waiting = self._waiting[kind]
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(None)
        self._look(kind)

    def _look(self, kind: str) -> None:
        handle = self._watchers.get(kind)
        if handle is not None and self._told.get(kind) is not handle and self._is_ready(kind):
            self._told[kind] = handle
            self._stack.loop.call_soon(self._run_watcher, kind, handle)

    def _run_watcher(self, kind: str, handle: events.Handle) -> None:
        # As a selector would say again and again, until it is no longer so or nobody watches.
        if self._told.get(kind) is handle:
            del self._told[kind]
        if self._watchers.get(kind) is handle and self._is_ready(kind):
            handle._run()
            self._look(kind)

    def _is_ready(self, kind: str) -> bool:
        return self.state.can_read() if kind == "read" else self.state.can_write()
