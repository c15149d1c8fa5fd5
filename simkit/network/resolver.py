"""Names to addresses, as `getaddrinfo` answers them: the hosts of the network, localhost, and written addresses.

It deliberately answers at once and never fails but for unknown names; a name server that is slow, wrong or down is a
system of its own.
"""

import socket
from typing import TYPE_CHECKING

from simkit.network.address import ANY_ADDRESS, LOCALHOST, is_address

if TYPE_CHECKING:
    from simkit.network.network import Network
    from simkit.network.tcp import SocketAddress

AddressInfo = tuple[int, int, int, str, "SocketAddress"]

_KINDS = (
    (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
)


def resolve(
    network: "Network",
    host: str | bytes | None,
    port: str | bytes | int | None,
    *,
    family: int = 0,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[AddressInfo]:
    """Return what `socket.getaddrinfo` would; `socket.gaierror` for unknown names, services and families."""
    if family not in (socket.AF_UNSPEC, socket.AF_INET):
        raise socket.gaierror(socket.EAI_FAMILY, "ai_family not supported: the simulated network speaks IPv4")
    address = _address_of(network, host, flags)
    canonical = str(host) if flags & socket.AI_CANONNAME and isinstance(host, str) else ""
    number = _port_of(port)
    found = [
        (int(socket.AF_INET), int(kind), int(protocol), canonical, (address, number))
        for kind, protocol in _KINDS
        if type in (0, kind) and proto in (0, protocol)
    ]
    if not found:
        raise socket.gaierror(socket.EAI_SOCKTYPE, "ai_socktype not supported")
    return found


def _address_of(network: "Network", host: str | bytes | None, flags: int) -> str:
    if host is None or host == "" or host == b"":
        return ANY_ADDRESS if flags & socket.AI_PASSIVE else LOCALHOST
    name = host.decode("ascii") if isinstance(host, bytes) else host
    if is_address(name):
        return name
    if name.lower() == "localhost":
        return LOCALHOST
    interface = None if flags & socket.AI_NUMERICHOST else network.find(name.removesuffix("."))
    if interface is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return interface.address


def _port_of(port: str | bytes | int | None) -> int:
    if port is None:
        return 0
    try:
        number = int(port)
    except ValueError:
        raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype") from None
    if not 0 <= number <= 65_535:
        raise OverflowError("port must be 0-65535.")
    return number
