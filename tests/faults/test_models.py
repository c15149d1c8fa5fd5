"""The dial of failure models, and what disks and clocks do to a queue: the library's files come out as they declare.

The dial is played smaller than life; the rest is among the long tests.
"""

import pytest

from simkit.explore.run import run_scenario

SMALLER = (
    "duration=140s",
    "load.resize.until=60s",
    "warmup=5s",
)
EARLIER = {
    "crash_stop": ("faults.gone.at=30s",),
    "crash_recovery": ("faults.losses.until=60s", "faults.outage.at=50s"),
    "omission": ("faults.drops.at=20s", "faults.drops.for=40s", "faults.mute.at=20s"),
    "timing": (
        "faults.gc.at=30s", "faults.gc.pause=any 4 of workers", "faults.gray.at=20s", "faults.gray.for=1min",
        "faults.ahead.at=50s",
    ),
    "byzantine": (
        "faults.liar.at=10s", "faults.liar.for=1min", "faults.repeat.at=10s", "faults.repeat.for=1min",
    ),
}  # fmt: skip


@pytest.mark.parametrize("variant", EARLIER)
def test_each_model_comes_out_as_declared(variant):
    document = run_scenario("task_queue/dial", variant=variant, overrides=[*SMALLER, *EARLIER[variant]])
    assert document.as_declared, [(each.verdict, each.text, each.summary) for each in document.expectations]
    assert document.verdict == ("fail" if variant == "byzantine" else "pass")


@pytest.mark.parametrize(("variant", "verdict"), [(None, "pass"), ("byzantine", "fail")])
def test_raft_trusts_its_voters(variant, verdict):
    document = run_scenario("database/two_faced_voters", variant=variant)
    assert document.as_declared
    assert document.verdict == verdict


LIBRARY = {
    "dial": EARLIER,
    "broken_disks": ("lying_sync", "astray"),
    "wrong_clocks": ("no_token",),
    "rollout": ("flag",),
    "everything": ("swarm",),
}


@pytest.mark.audit
@pytest.mark.parametrize(
    ("scenario", "variant"), [(name, variant) for name, others in LIBRARY.items() for variant in (None, *others)]
)
def test_the_file_as_it_stands_in_the_library(scenario, variant):
    assert run_scenario(f"task_queue/{scenario}", variant=variant).as_declared
