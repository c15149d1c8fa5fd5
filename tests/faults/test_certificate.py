"""Certificates that expire: who is refused, by whose word, and that they are renewed."""

import asyncio
import ssl

import pytest
from secured import card, client_context, server_context

from simkit.explore.run import Run
from simkit.fault import Arena
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.language.scenario import load_scenario
from simkit.network.network import Network
from simkit.registry import Registry
from simkit_faults.certificate import CertificateExpired

SECOND = 10**9
SCENARIO = """
title: Certificates expire
system: secured
seed: 1
duration: 30s
hosts:
  server:  {role: server}
  clients: {role: client, count: 3}
expect: [always nobody_refused]
"""
FAULT = "faults: {expired: {certificate_expired: server, at: 10s, for: 10s}}\n"


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


def test_in_a_scenario_clients_are_refused_for_as_long_as_it_says(tmp_path):
    file = tmp_path / "certificates.yaml"
    for text, verdict in ((SCENARIO, "pass"), (SCENARIO + FAULT, "fail")):
        file.write_text(text, encoding="utf-8")
        document = Run(load_scenario(file, registry=Registry(cards=[card])), card).execute()
        assert document.error is None, document.error
        assert document.verdict == verdict
        refused = [each for found in document.expectations for each in found.violations]
        assert {each.text for each in refused} == ({"certificate has expired"} if verdict == "fail" else set())
        assert all(10 <= each.time_ns / SECOND < 20.1 for each in refused)
        assert document.event_counts["connection.answered"] >= (3 * 17 if verdict == "fail" else 3 * 27)
