"""Certificates that expire: who is refused, by whose word, and that they are renewed."""

import asyncio
import ssl

import pytest
import trustme

from simkit.fault import Arena
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.network.network import Network
from simkit_faults.certificate import CertificateExpired

SECOND = 10**9
AUTHORITY = trustme.CA(key_type=trustme.KeyType.ECDSA)


def server_context(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


def client_context(*, checks=True):
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if not checks:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Scene:
    """Two servers, and clients that knock every second and note what they hear."""

    def __init__(self):
        self.world = World(1)
        self.network = Network(self.world)
        self.log = []
        self.contexts = {name: server_context(name) for name in ("one", "two")}
        self.careful, self.careless = client_context(), client_context(checks=False)
        programs = [("one", self.serve), ("two", self.serve), ("client", self.knock), ("careless", self.knock)]
        self.hosts = {}
        for index, (name, program) in enumerate(programs):
            host = self.hosts[name] = Host(self.world, name, index=index, program=program)
            self.network.attach(host)
            host.boot()

    async def serve(self, host):
        async def echo(reader, writer):
            while data := await reader.read(100):
                writer.write(data)

        await asyncio.start_server(echo, port=443, ssl=self.contexts[host.name])
        await host.loop.create_future()

    async def knock(self, host):
        await asyncio.sleep(0.5)
        context = self.careful if host.name == "client" else self.careless
        _, kept = await asyncio.open_connection("one", 443, ssl=context)
        while True:
            for server in ("one", "two"):
                try:
                    _, writer = await asyncio.open_connection(server, 443, ssl=context)
                    heard = "fine"
                    writer.close()
                except ssl.SSLCertVerificationError as error:
                    heard = error.verify_message
                self.log.append((host.world.now_ns // SECOND, host.name, server, heard))
            assert not kept.is_closing()
            await asyncio.sleep(1)

    def heard(self, begin, end, host="client"):
        return {(server, what) for when, name, server, what in self.log if begin <= when < end and name == host}


@pytest.fixture
def scene():
    scene = Scene()
    yield scene
    scene.world.close()


FINE = {("one", "fine"), ("two", "fine")}
EXPIRED = {("one", "certificate has expired"), ("two", "fine")}


def test_clients_that_check_are_refused_until_it_is_renewed(scene):
    arena = Arena(scene.world, scene.hosts, scene.network, scene.world.stream("fault/test"))
    scene.world.run(10 * SECOND)
    with CertificateExpired().hold(arena, (scene.hosts["one"],)):
        scene.world.run(15 * SECOND)
        with CertificateExpired().hold(arena, (scene.hosts["one"],)):
            scene.world.run(20 * SECOND)
        scene.world.run(30 * SECOND)
    scene.world.run(40 * SECOND)
    assert scene.heard(0, 10) == FINE
    assert scene.heard(11, 30) == EXPIRED
    assert scene.heard(31, 40) == FINE
    assert scene.heard(0, 40, "careless") == FINE
