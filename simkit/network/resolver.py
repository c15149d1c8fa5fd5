"""A machine's resolver: names to addresses and back, as `getaddrinfo` and `getnameinfo` answer them.

It asks the network's name service, waits for its answer as the C library does (two tries of five seconds), and keeps
what it learned until the time to live is over, for every process of the machine; a power cut forgets it.

It deliberately lets no time pass for `socket.getaddrinfo`, which is called without `await`: nothing else could run
meanwhile. Such a call sees what the service says at that moment, and an answer that would be late is no answer.
"""

import socket
from typing import TYPE_CHECKING, Final

from simkit.network.address import ANY_ADDRESS, BROADCAST_ADDRESS, LOCALHOST, is_address
from simkit.network.names import Answer

if TYPE_CHECKING:
    from asyncio import Future

    from simkit.network.interface import Interface
    from simkit.network.tcp import SocketAddress

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, "SocketAddress"]
Name = str | bytes | None

TIMEOUT_NS: Final = 5 * 10**9
ATTEMPTS: Final = 2
CACHED_MAX: Final = 10_000

_KINDS: Final = (
    (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
)
_SERVICES: Final = {"domain": 53, "ftp": 21, "http": 80, "https": 443, "ntp": 123, "smtp": 25, "ssh": 22}


class Resolver:
    """The resolver of one machine."""

    def __init__(self, interface: "Interface") -> None:
        self._interface = interface
        self._world = interface.network.world
        self._kept: dict[str, tuple[int, Answer]] = {}

    @property
    def host_name(self) -> str:
        """The machine's own name."""
        return self._interface.name

    def forget(self) -> None:
        """Lose everything that was kept."""
        self._kept.clear()

    # -- names to addresses

    async def look_up(self, host: Name, flags: int = 0) -> tuple[str, ...]:
        """Return the addresses of a name, after the time it takes; `socket.gaierror` if there are none."""
        known = self._known(host, flags)
        if known is not None:
            return known
        name = _text(host)
        for _ in range(ATTEMPTS):
            answer = self._ask(name)
            in_time = not answer.silent and answer.delay_ns <= TIMEOUT_NS
            wait_ns = answer.delay_ns if in_time else TIMEOUT_NS
            if wait_ns:
                loop = self._interface.stack.loop
                future = loop.create_future()
                self._world.post(self._world.now_ns + wait_ns, loop, _wake, future)
                await future
            if in_time:
                return self._take(name, answer)
        raise _gaierror(socket.EAI_AGAIN)

    def look_up_at_once(self, host: Name, flags: int = 0) -> tuple[str, ...]:
        """Return the addresses of a name without waiting; `socket.gaierror` if there are none."""
        known = self._known(host, flags)
        if known is not None:
            return known
        name = _text(host)
        answer = self._ask(name)
        if answer.silent or answer.delay_ns > TIMEOUT_NS:
            raise _gaierror(socket.EAI_AGAIN)
        return self._take(name, answer)

    def _known(self, host: Name, flags: int) -> tuple[str, ...] | None:
        """Return what needs no asking, None if it has to be asked."""
        if not host:
            return (ANY_ADDRESS if flags & socket.AI_PASSIVE else LOCALHOST,)
        name = _text(host)
        if is_address(name):
            return (name,)
        if name == "localhost" or name.endswith(".localhost"):
            return (LOCALHOST,)
        if name == "<broadcast>":
            return (BROADCAST_ADDRESS,)
        if flags & socket.AI_NUMERICHOST:
            raise _gaierror(socket.EAI_NONAME)
        if name == self._interface.name.lower():
            return (self._interface.address,)  # as /etc/hosts has it
        until_ns, answer = self._kept.get(name, (0, None))
        if answer is None or until_ns <= self._world.now_ns:
            return None
        return _addresses(answer)

    def _ask(self, name: str) -> Answer:
        return self._interface.network.names.answer(name, self._interface)

    def _take(self, name: str, answer: Answer) -> tuple[str, ...]:
        if answer.ttl_ns and not answer.failed:
            if len(self._kept) >= CACHED_MAX:
                self._kept.clear()
            self._kept[name] = (self._world.now_ns + answer.ttl_ns, answer)
        return _addresses(answer)

    async def getaddrinfo(
        self, host: Name, port: object, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[AddressInfo]:
        """See `loop.getaddrinfo`."""
        kinds = _kinds(family, type, proto)
        number = _port(port, flags)
        return _infos(host, await self.look_up(host, flags), number, kinds, flags)

    def getaddrinfo_at_once(
        self, host: Name, port: object, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[AddressInfo]:
        """See `socket.getaddrinfo`."""
        kinds = _kinds(family, type, proto)
        number = _port(port, flags)
        return _infos(host, self.look_up_at_once(host, flags), number, kinds, flags)

    # -- addresses to names

    def getnameinfo(self, sockaddr: "SocketAddress", flags: int = 0) -> tuple[str, str]:
        """See `socket.getnameinfo`; the service is a number but for the few best known."""
        address, port = sockaddr[:2]
        name = None if flags & socket.NI_NUMERICHOST else self.name_of(address)
        if name is None and flags & socket.NI_NAMEREQD:
            raise _gaierror(socket.EAI_NONAME)
        return name or address, str(port)

    def name_of(self, address: str) -> str | None:
        """Return the name of an address, None if it has none."""
        if address.startswith("127."):
            return "localhost"
        return self._interface.network.names.name_of(address)


def _wake(future: "Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _text(host: Name) -> str:
    name = host.decode("ascii") if isinstance(host, bytes) else str(host)
    return name.lower().removesuffix(".")


def _gaierror(number: int) -> socket.gaierror:
    texts = {
        socket.EAI_NONAME: "Name or service not known",
        socket.EAI_AGAIN: "Temporary failure in name resolution",
        socket.EAI_FAMILY: "ai_family not supported: the simulated network speaks IPv4",
        socket.EAI_SOCKTYPE: "ai_socktype not supported",
        socket.EAI_SERVICE: "Servname not supported for ai_socktype",
    }
    return socket.gaierror(number, texts[number])


def _addresses(answer: Answer) -> tuple[str, ...]:
    if answer.failed:
        raise _gaierror(socket.EAI_AGAIN)
    if not answer.addresses:
        raise _gaierror(socket.EAI_NONAME)
    return answer.addresses


def _kinds(family: int, type: int, proto: int) -> list[tuple[socket.SocketKind, int]]:
    if family not in (socket.AF_UNSPEC, socket.AF_INET):
        raise _gaierror(socket.EAI_FAMILY)
    found = [(kind, protocol) for kind, protocol in _KINDS if type in (0, kind) and proto in (0, protocol)]
    if not found:
        raise _gaierror(socket.EAI_SOCKTYPE)
    return found


def _port(port: object, flags: int) -> int:
    if port is None:
        return 0
    text = port.decode("ascii") if isinstance(port, bytes) else str(port)
    try:
        number = int(text)
    except ValueError:
        if flags & socket.AI_NUMERICSERV or text not in _SERVICES:
            raise _gaierror(socket.EAI_SERVICE) from None
        return _SERVICES[text]
    if not 0 <= number <= 65_535:
        raise OverflowError("port must be 0-65535.")
    return number


def _infos(
    host: Name, addresses: tuple[str, ...], port: int, kinds: list[tuple[socket.SocketKind, int]], flags: int
) -> list[AddressInfo]:
    canonical = _text(host) if flags & socket.AI_CANONNAME and host else ""
    return [
        # As the C library does: the canonical name stands in the first entry only.
        (socket.AF_INET, kind, protocol, canonical if (address, kind) == (addresses[0], kinds[0][0]) else "",
         (address, port))
        for address in addresses
        for kind, protocol in kinds
    ]  # fmt: skip
