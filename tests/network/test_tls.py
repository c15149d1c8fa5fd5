"""TLS between simulated hosts: OpenSSL unmodified, by the host's clock."""

import _ssl
import asyncio
import ctypes
import datetime
import os
import ssl

import pytest
import trustme

from simkit.hosts.clock import Clock
from simkit.kernel.fence import here
from simkit.kernel.world import EPOCH_NS
from simkit.network import TcpParameters

UTC = datetime.UTC
BEGIN = datetime.datetime.fromtimestamp(EPOCH_NS // 10**9, UTC)
DAY_NS = 86_400 * 10**9


def days(number):
    return BEGIN + datetime.timedelta(days=number)


class Authority:
    """A certificate authority, and contexts of both ends."""

    def __init__(self):
        self.ca = trustme.CA(key_type=trustme.KeyType.ECDSA)

    def issue(self, name, first_day, last_day):
        kind = trustme.KeyType.ECDSA
        return self.ca.issue_cert(name, not_before=days(first_day), not_after=days(last_day), key_type=kind)

    def server(self, name, first_day=-1, last_day=30):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.issue(name, first_day, last_day).configure_cert(context)
        return context

    def client(self):
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context


@pytest.fixture(scope="module")
def authority():
    return Authority()


def echo(context):
    """Return a program that sends back what it gets over TLS."""

    async def program(host):
        async def serve(reader, writer):
            while data := await reader.read(65_536):
                writer.write(data)
            writer.close()

        await asyncio.start_server(serve, port=443, ssl=context)
        await asyncio.sleep(10**9)

    return program


def ask(context, outcome, **options):
    """Return a program that sends through TLS what comes back, and notes what happened."""

    async def program(host):
        try:
            reader, writer = await asyncio.open_connection("b", 443, ssl=context, **options)
        except (OSError, ssl.SSLError) as error:
            outcome["error"] = error
            return
        sent = bytes(range(256)) * 1_000
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        outcome["cipher"] = writer.get_extra_info("cipher")
        outcome["peercert"] = writer.get_extra_info("peercert")
        writer.close()
        await writer.wait_closed()
        outcome["ms"] = host.world.now_ns / 10**6

    return program


def run(site, server, program, until_s=10, clock=None):
    site.host("b", echo(server))
    host = site.host("a", program, clock=clock)
    site.run(until_s)
    assert host.exit_code == 0


def test_a_connection_speaks_tls_1_3_after_one_more_round_trip(new_site, authority):
    site = new_site(tcp=TcpParameters(initial_window=200))  # so that no round trips are spent on opening the window
    outcome = {}
    run(site, authority.server("b"), ask(authority.client(), outcome))
    assert outcome["cipher"][1] == "TLSv1.3"
    assert outcome["peercert"]["subjectAltName"] == (("DNS", "b"),)
    # One round trip for TCP, one for TLS, one for the echo, one for closing.
    assert outcome["ms"] == 80


def test_a_certificate_of_another_name_is_refused(site, authority):
    outcome = {}
    run(site, authority.server("c"), ask(authority.client(), outcome))
    assert isinstance(outcome["error"], ssl.SSLCertVerificationError)
    assert "Hostname mismatch" in str(outcome["error"])


@pytest.mark.parametrize(
    ("dates", "offset_days", "complaint"),
    [
        ((-1, 30), 0, None),
        ((-1, 30), 31, "certificate has expired"),
        ((-1, 30), -2, "certificate is not yet valid"),
        ((365 * 13, 365 * 14), 0, "certificate is not yet valid"),
        ((365 * 13, 365 * 14), round(365 * 13.5), None),
        ((-30, -1), 0, "certificate has expired"),
    ],
)
def test_certificates_are_valid_by_the_clock_of_who_checks(site, authority, dates, offset_days, complaint):
    server = authority.server("b", *dates)
    outcome = {}
    clock = Clock(site.world, offset_ns=offset_days * DAY_NS)
    run(site, server, ask(authority.client(), outcome), clock=clock)
    if complaint is None:
        assert "cipher" in outcome
    else:
        assert complaint in str(outcome["error"])


def test_a_certificate_runs_out_while_the_world_goes_on(site, authority):
    first, later = {}, {}

    async def program(host):
        await ask(context, first)(host)
        await asyncio.sleep(31 * 86_400)
        await ask(context, later)(host)

    context = authority.client()
    run(site, authority.server("b"), program, until_s=32 * 86_400)
    assert "cipher" in first
    assert "certificate has expired" in str(later["error"])


def test_a_plain_connection_goes_over_to_tls(site, authority):
    async def serve(host):
        async def upgrade(reader, writer):
            assert await reader.readline() == b"STARTTLS\n"
            writer.write(b"go\n")
            await writer.start_tls(context)
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        await asyncio.start_server(upgrade, port=25)
        await asyncio.sleep(1_000)

    async def upgrade(host):
        reader, writer = await asyncio.open_connection("b", 25)
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(authority.client(), server_hostname="b")
        assert writer.get_extra_info("cipher") is not None
        writer.write(b"secret\n")
        assert await reader.readline() == b"SECRET\n"
        writer.close()
        await writer.wait_closed()

    context = authority.server("b")
    site.host("b", serve)
    client = site.host("a", upgrade)
    site.run(10)
    assert client.exit_code == 0
    assert not any(b"secret" in record.payload for record in site.records)


def test_a_server_may_ask_for_the_certificate_of_its_client(site, authority):
    server = authority.server("b")
    server.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(server)
    outcome = {}
    client = authority.client()
    authority.issue("a", -1, 1).configure_cert(client)

    async def program(host):
        await ask(client, outcome)(host)
        with pytest.raises((ConnectionResetError, ssl.SSLError)):
            await ask(authority.client(), {})(host)

    run(site, server, program)
    assert "cipher" in outcome


@pytest.mark.parametrize(("ending", "seen"), [("kill", "end"), ("power_cut", "silence")])
def test_a_process_that_dies_under_tls_ends_without_a_word(site, authority, recwarn, ending, seen):
    heard, told = [], []

    async def serve(host):
        async def hold(reader, writer):
            try:
                writer.write(b"hello")
                await reader.read()
            finally:
                told.append("finally")

        await asyncio.start_server(hold, port=443, ssl=authority.server("b"))
        await asyncio.sleep(1_000)

    async def wait(host):
        reader, writer = await asyncio.open_connection("b", 443, ssl=context)
        assert await reader.readexactly(5) == b"hello"
        try:
            async with asyncio.timeout(10):
                heard.append("end" if await reader.read() == b"" else "data")
        except TimeoutError:
            heard.append("silence")
        writer.transport.abort()

    context = authority.client()
    server = site.host("b", serve)
    client = site.host("a", wait)
    site.at(1, getattr(server, ending))
    site.run(60)
    site.world.close()
    assert client.exit_code == 0
    assert heard == [seen]
    assert told == []
    assert not recwarn.list


class RandomMethod(ctypes.Structure):
    """OpenSSL's RAND_METHOD."""

    FILL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
    STATUS = ctypes.CFUNCTYPE(ctypes.c_int)
    _fields_ = [
        ("seed", ctypes.c_void_p),
        ("bytes", FILL),
        ("cleanup", ctypes.c_void_p),
        ("add", ctypes.c_void_p),
        ("pseudorand", FILL),
        ("status", STATUS),
    ]


@pytest.fixture
def drawn_randomness():
    """Let OpenSSL draw from the stream of the host whose code runs."""

    def fill(buffer, size):
        loop = here()
        data = os.urandom(size) if loop is None else loop.world.stream(f"openssl/{loop.name}").bytes(size)
        ctypes.memmove(buffer, data, size)
        return 1

    library = ctypes.CDLL(_ssl.__file__)
    fill = RandomMethod.FILL(fill)
    method = RandomMethod(None, fill, None, None, fill, RandomMethod.STATUS(lambda: 1))
    assert library.RAND_set_rand_method(ctypes.byref(method))
    yield
    assert library.RAND_set_rand_method(None)


def test_with_drawn_randomness_every_byte_is_the_same(new_site, authority, drawn_randomness):
    server, client = authority.server("b"), authority.client()

    def digest(noise):
        site = new_site()
        kept = [bytearray(1_000) for _ in range(noise)]
        run(site, server, ask(client, {}))
        return len(kept) == noise and site.world.records.digest()

    assert digest(0) == digest(100) == digest(777)
