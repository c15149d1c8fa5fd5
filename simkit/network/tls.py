"""TLS by the host's clock, and without what would differ from run to run.

OpenSSL asks the C library for the time when it checks a certificate. So every connection made in host code is told
the host's wall clock first, through the parameters of verification that OpenSSL has for this. Session tickets are
switched off: they hold a real time, encrypted.

It deliberately speaks no TLS itself: that is OpenSSL, unmodified, behind asyncio's `SSLProtocol`. Python offers no way
to the parameters, so they are reached through the address of the connection, which stands in the object at a place that
is checked before it is used.
"""

import ctypes
import ssl
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from simkit.kernel.fence import outside

if TYPE_CHECKING:
    from simkit.kernel import HostLoop

_WORD: Final = ctypes.sizeof(ctypes.c_void_p)
_HEAD_WORDS: Final = 2  # reference count and type
_OWNER, _CONNECTION, _CONTEXT = (_HEAD_WORDS + place for place in range(3))


class ClockOutOfReach(RuntimeError):
    """This interpreter's OpenSSL cannot be told the time of a simulated host."""


EXPIRED_NS: Final = 253_402_300_799 * 10**9
"""The last second of the year 9999, beyond which certificates have no dates (RFC 5280, section 4.1.2.5)."""


def prepare(
    loop: "HostLoop", context: ssl.SSLContext, make: Callable[[], ssl.SSLObject], server: str | None = None
) -> ssl.SSLObject:
    """Make a connection of `context` that believes the host's clock; `server` is whom a client wants to reach."""
    if context.protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS):
        context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    made = make()
    clock: Any = loop.clock
    wall_ns = loop.world.epoch_ns + loop.world.now_ns if clock is None else clock.wall_ns()
    stack: Any = loop.stack
    interface = None if server is None or stack is None else stack.network.find(server, stack.interface)
    if interface is not None and interface.certificate_expired:
        wall_ns = EXPIRED_NS
    with outside():  # host code may not use foreign functions
        _set_verification_time(made, wall_ns // 10**9)
    return made


def _set_verification_time(connection: ssl.SSLObject, seconds: int) -> None:
    library = _library()
    address = _address_of(connection)
    if library is None or address is None:
        raise ClockOutOfReach(
            "certificates cannot be checked by the clock of a simulated host: this interpreter hides OpenSSL's "
            "X509_VERIFY_PARAM_set_time; use a CPython whose module ssl loads libssl as a shared library"
        )
    library.X509_VERIFY_PARAM_set_time(library.SSL_get0_param(address), seconds)


@cache
def _library() -> Any:
    """Return OpenSSL's functions, as they were loaded with the module `_ssl`; None if they cannot be found."""
    if sys.implementation.name != "cpython":
        return None
    import _ssl

    try:
        library = ctypes.CDLL(_ssl.__file__)
        library.SSL_get0_param.restype = library.SSL_get_SSL_CTX.restype = ctypes.c_void_p
        library.SSL_get0_param.argtypes = library.SSL_get_SSL_CTX.argtypes = [ctypes.c_void_p]
        library.X509_VERIFY_PARAM_set_time.restype = None
        library.X509_VERIFY_PARAM_set_time.argtypes = [ctypes.c_void_p, ctypes.c_long]
    except (AttributeError, OSError):
        return None
    return library


def _address_of(connection: ssl.SSLObject) -> int | None:
    """Return where OpenSSL keeps the connection; None if the object does not look as expected.

    Behind its head the object holds its owner, OpenSSL's connection, and the context, which holds OpenSSL's context
    first. That is believed only if the context is the right one, and OpenSSL says that the two belong together.
    """
    inner: Any = connection._sslobj  # type: ignore[attr-defined]
    context = inner.context
    words = (ctypes.c_size_t * (_CONTEXT + 1)).from_address(id(inner))
    if words[_CONTEXT] != id(context):
        return None
    address = int(words[_CONNECTION])
    of_context = ctypes.c_size_t.from_address(id(context) + _HEAD_WORDS * _WORD).value
    return address if _library().SSL_get_SSL_CTX(address) == of_context else None
