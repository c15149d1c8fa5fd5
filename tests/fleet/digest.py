"""Prints which core ran, and the digest of a fleet that talks over a bad link; a process for each core runs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest import Town
from test_fleet import MS, Sensors, Server, config

from simkit.kernel import LogNormal
from simkit.kernel.core import name
from simkit.network.flaw import Duplication
from simkit.network.link import Link

for flaw in (None, Duplication(0.1)):
    town = Town(Link(one_way=LogNormal(5.0 * MS, 0.5), loss=0.1, duplication=flaw))
    town.place("server", Server)
    town.place("fleet", Sensors, config(200, 10 * MS))
    town.run(1.0)
    print(name, len(town.nodes["fleet"].told), town.world.records.digest())
