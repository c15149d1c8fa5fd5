"""What the modules `socket`, `ssl` and `signal` do in host code: the simulated machine's part of the standard library.

`install` changes the classes and functions in place, once in an interpreter, when the first network is made or a worker
prepares a run; outside of host code they stay what they always were. A class is changed rather than replaced, so that
names imported early mean the same.

It deliberately leaves `create_connection` and its like as they are: they end in a `socket.socket`, which never blocks a
simulated host.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any, NoReturn

from simkit.kernel import executor, runner, signals
from simkit.kernel.fence import here
from simkit.network.host_socket import HostSocket
from simkit.network.refusal import refusal
from simkit.network.resolver import Resolver
from simkit.network.tls import prepare

_MARK = "_simkit_simulated"


def _resolver() -> Resolver | None:
    """Return the resolver of the host whose code runs, None outside of host code."""
    loop = here()
    if loop is None:
        return None
    resolver: Resolver = loop._stack().interface.resolver
    return resolver


def _sockets() -> None:
    real_new = socket.socket.__new__

    def new(cls: type[socket.socket], *arguments: Any, **options: Any) -> socket.socket:
        if issubclass(cls, HostSocket) or here() is None:
            return real_new(cls)
        if cls is not socket.socket:
            raise refusal(f"{cls.__name__} would be a real socket; use asyncio's streams, with ssl= for TLS:")
        return real_new(HostSocket)

    socket.socket.__new__ = new  # type: ignore[assignment, method-assign]


def _in_host_code(name: str, simulated: Callable[..., Any]) -> None:
    """Let a function of `socket` call `simulated` with the host's resolver first, in host code."""
    real = getattr(socket, name)

    def function(*arguments: Any, **options: Any) -> Any:
        resolver = _resolver()
        return real(*arguments, **options) if resolver is None else simulated(resolver, *arguments, **options)

    function.__name__ = function.__qualname__ = name
    setattr(socket, name, function)


def _gethostbyname_ex(resolver: Resolver, name: str) -> tuple[str, list[str], list[str]]:
    return name, [], list(resolver.look_up_at_once(name))


def _gethostbyaddr(resolver: Resolver, address: str) -> tuple[str, list[str], list[str]]:
    found = resolver.look_up_at_once(address)[0]
    name = resolver.name_of(found)
    if name is None:
        raise socket.herror(1, "Unknown host")
    return name, [], [found]


def _socketpair(resolver: Resolver, *arguments: Any) -> NoReturn:
    raise refusal("a pair of sockets would be real; use asyncio.Queue:")


def _names() -> None:
    _in_host_code("getaddrinfo", Resolver.getaddrinfo_at_once)
    _in_host_code("getnameinfo", Resolver.getnameinfo)
    _in_host_code("gethostbyname", lambda resolver, name: resolver.look_up_at_once(name)[0])
    _in_host_code("gethostbyname_ex", _gethostbyname_ex)
    _in_host_code("gethostbyaddr", _gethostbyaddr)
    _in_host_code("gethostname", lambda resolver: resolver.host_name)
    _in_host_code("socketpair", _socketpair)


def _tls() -> None:
    real = ssl.SSLContext.wrap_bio

    def wrap_bio(
        self: ssl.SSLContext,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        loop = here()
        if loop is None:
            return real(self, incoming, outgoing, server_side, server_hostname, session)
        named = server_hostname.decode() if isinstance(server_hostname, bytes) else server_hostname
        asked = None if server_side else named
        return prepare(loop, self, lambda: real(self, incoming, outgoing, server_side, server_hostname, session), asked)

    ssl.SSLContext.wrap_bio = wrap_bio  # type: ignore[method-assign]


def install() -> None:
    """Change the modules, once in this interpreter."""
    if not hasattr(socket.socket, _MARK):
        setattr(socket.socket, _MARK, True)
        _sockets()
        _names()
        _tls()
        signals.install()
        executor.install()
        runner.install()
