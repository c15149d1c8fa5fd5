"""Forty-five faults at once: nothing of them is left when they are over, and the same seed gives the same bytes.

The scenario is the library's; what it claims is judged with the task queue's others. Here it only matters that
everything heals.
"""

import pytest

from simkit.explore.run import Run
from simkit.language.scenario import load_scenario
from simkit.registry import Registry

SMALLER = ("load.resize.rate=1/s total", "load.burst.count=50")


def run(registry):
    scenario = load_scenario("task_queue/everything", registry=registry, overrides=SMALLER)
    return Run(scenario, registry.card(scenario.system))


def residue(assembly):
    """Return what differs on any host from a host that no fault ever touched."""
    found = {}
    for name, host in assembly.hosts.items():
        interface, health = assembly.network.interfaces[name], host.disk.health
        state = {
            "state": host.state == "up",
            "held": host.held_down,
            "cpu": host.cpu._slow_down.factor,
            "disk": (
                health.slow_down,
                health.stalled,
                health.taken,
                health.syncs_fail,
                health.syncs_lie,
                health.astray(),
            ),
            "tampering": interface.tampering,
            "certificate": interface.certificate_expired,
            "standing": host.clock._standing,
            "watched": bool(host.fault_points._listeners),
        }
        clean = {
            "state": True, "held": False, "cpu": 1.0, "disk": (1.0, False, 0, False, False, None), "tampering": None,
            "certificate": 0, "standing": False, "watched": False,
        }  # fmt: skip
        if state != clean:
            found[name] = state
    return found


def test_everything_at_once_heals_without_residue():
    one = run(Registry())
    assembly = one.assembly
    seen = {}
    one.world.close, close = (lambda: None), one.world.close
    try:
        document = one.execute()
        seen = residue(assembly)
        assert assembly.network.overlays == []
    finally:
        close()
    assert seen == {}
    words = {fault.fault for fault in document.faults}
    assert len(words) >= 35
    assert {fault.name for fault in document.faults if fault.end_ns is None} == set()
    assert document.verdict == "pass", [(each.text, each.summary) for each in document.expectations]


@pytest.mark.audit
def test_everything_at_once_is_deterministic():
    digests = {run(Registry()).execute().digest for _ in range(2)}
    assert len(digests) == 1
