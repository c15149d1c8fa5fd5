"""Every fault is used by a scenario of the library: what nobody plays is a promise that nobody keeps."""

from simkit.language.library import Library
from simkit.language.scenario import load_scenario
from simkit.registry import Registry


def test_every_fault_strikes_in_some_scenario_of_the_library() -> None:
    registry = Registry()
    used = set()
    for name in Library().names():
        plain = load_scenario(name, registry=registry)
        for variant in [None, *plain.variants]:
            scenario = load_scenario(name, variant=variant, registry=registry) if variant else plain
            used |= {injection.word for injection in scenario.faults}
    assert sorted(set(registry.faults()) - used) == []
