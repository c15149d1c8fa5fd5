"""Certificates that expire.

What clients then see is OpenSSL's own refusal, because the time at which they check is moved past every certificate's
end, for these servers only. Connections that stand are left alone, as they would be.

It deliberately leaves clients alone that verify nothing, and servers that ask clients for a certificate.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host


class CertificateExpired(Condition):
    """The hosts' certificates have expired: TLS handshakes with them fail at every client that checks; then renewed.

    Seen: Ericsson's packet core at O2 and SoftBank, 6 December 2018, tens of millions without a network; Microsoft
    Teams, 3 February 2020; Spotify, 19 August 2020.
    """

    word = "certificate_expired"
    disables = False

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        interfaces = [arena.network.interfaces[host.name.lower()] for host in targets]
        for interface in interfaces:
            interface.certificate_expired += 1
        try:
            yield
        finally:
            for interface in interfaces:
                interface.certificate_expired -= 1
