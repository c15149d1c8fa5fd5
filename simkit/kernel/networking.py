"""The calls of an event loop that reach the network, each answered by the host's stack.

Connections and datagram endpoints are made by asyncio's own `create_connection` and `create_datagram_endpoint`, from
sockets that the network room simulates; so happy eyeballs, local addresses and error messages are the interpreter's.

It deliberately holds no behaviour of its own, and refuses in words what a simulated host does not have: pipes, child
processes, Unix sockets.
"""

import asyncio
import errno
from typing import Any, NoReturn


class Networking(asyncio.BaseEventLoop):
    """The part of a host's loop that speaks to `stack`, which the network room provides."""

    name: str
    stack: Any = None

    def _stack(self) -> Any:
        if self.stack is None:
            raise OSError(errno.ENETDOWN, f"host {self.name!r} has no network")
        return self.stack

    # -- what BaseEventLoop makes connections and datagram endpoints of

    def _make_socket_transport(self, *args: Any, **options: Any) -> Any:
        return self._stack().stream_transport(*args, **options)

    def _make_ssl_transport(self, *args: Any, **options: Any) -> Any:
        return self._stack().tls_transport(*args, **options)

    def _make_datagram_transport(self, *args: Any, **options: Any) -> Any:
        return self._stack().datagram_transport(*args, **options)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        return await self._stack().create_server(self, protocol_factory, host, port, **options)

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        return await self._stack().getaddrinfo(host, port, **options)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        return await self._stack().getnameinfo(sockaddr, flags)

    # -- sockets

    async def sock_connect(self, sock: Any, address: Any) -> None:
        await self._stack().sock_connect(sock, address)

    async def sock_accept(self, sock: Any) -> Any:
        return await self._stack().sock_accept(sock)

    async def sock_recv(self, sock: Any, nbytes: int) -> Any:
        return await self._stack().sock_recv(sock, nbytes)

    async def sock_recv_into(self, sock: Any, buf: Any) -> Any:
        return await self._stack().sock_recv_into(sock, buf)

    async def sock_recvfrom(self, sock: Any, bufsize: int) -> Any:
        return await self._stack().sock_recvfrom(sock, bufsize)

    async def sock_recvfrom_into(self, sock: Any, buf: Any, nbytes: int = 0) -> Any:
        return await self._stack().sock_recvfrom_into(sock, buf, nbytes)

    async def sock_sendall(self, sock: Any, data: Any) -> None:
        await self._stack().sock_sendall(sock, data)

    async def sock_sendto(self, sock: Any, data: Any, address: Any) -> Any:
        return await self._stack().sock_sendto(sock, data, address)

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        self._stack().watch(fd, "read", self, callback, args)

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        self._stack().watch(fd, "write", self, callback, args)

    def remove_reader(self, fd: Any) -> bool:
        return self._stack().unwatch(fd, "read")  # type: ignore[no-any-return]

    def remove_writer(self, fd: Any) -> bool:
        return self._stack().unwatch(fd, "write")  # type: ignore[no-any-return]

    # -- what a simulated host does not have

    def _lacks(self, what: str) -> NoReturn:
        from simkit.kernel.fence.refusal import offending_lines  # the fence knows loops, and comes after them

        place, through = offending_lines()
        asked = f"asked for at {place}" + (f", through {through}" if through else "")
        raise NotImplementedError(f"host {self.name!r} is simulated and has no {what} ({asked})")

    async def create_unix_connection(self, *args: Any, **options: Any) -> NoReturn:
        self._lacks("Unix sockets; connect to a port of 127.0.0.1 instead")

    async def create_unix_server(self, *args: Any, **options: Any) -> NoReturn:
        self._lacks("Unix sockets; listen on a port of 127.0.0.1 instead")

    async def connect_read_pipe(self, *args: Any, **options: Any) -> NoReturn:
        self._lacks("pipes")

    async def connect_write_pipe(self, *args: Any, **options: Any) -> NoReturn:
        self._lacks("pipes")

    async def subprocess_exec(self, *args: Any, **options: Any) -> NoReturn:
        self._lacks("child processes; let another host run that program")

    async def subprocess_shell(self, *args: Any, **options: Any) -> NoReturn:
        self._lacks("child processes; let another host run that program")
