"""A certificate for the host `server` that is the same in every interpreter.

Its key is made of fixed bytes and its signature needs no chance (Ed25519), so that what TLS sends can be compared.
Deliberately no secret: whoever reads this file has the key.
"""

import datetime
import ssl
import tempfile
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

YEAR = datetime.timedelta(days=365)
BEGIN = datetime.datetime(2025, 6, 1, tzinfo=datetime.UTC)


@cache
def pem() -> str:
    """Return the private key and the certificate, which is its own authority."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, BEGIN, BEGIN + 2 * YEAR)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("server")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return (private + builder.sign(key, None).public_bytes(encoding)).decode()


def server_context() -> ssl.SSLContext:
    """Return what a server needs; call it when a module is imported, because it reads a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as room:
        path = Path(room, "server.pem")
        path.write_text(pem(), encoding="ascii")
        context.load_cert_chain(path)
    return context


def client_context() -> ssl.SSLContext:
    """Return what a client needs to believe the server."""
    return ssl.create_default_context(cadata=pem().partition("-----END PRIVATE KEY-----")[2].strip())
