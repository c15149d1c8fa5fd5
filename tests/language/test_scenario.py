"""A whole file becomes one immutable scenario, in which everything keeps its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from simkit.kernel import distribution
from simkit.language.moment import FaultEdge
from simkit.language.problem import ScenarioError
from simkit.language.scenario import Scenario, dump, load_scenario
from simkit.language.units import Duration

Loader = Callable[..., Scenario]
SECOND = 10**9


def test_the_scenario_of_the_design(load: Loader, steady: str) -> None:
    scenario = load(steady)
    assert (scenario.name, scenario.file, scenario.title) == ("my", "my.yaml", "Slow is not dead")
    assert (scenario.seed, scenario.duration, scenario.warmup) == (7, 1200 * SECOND, 60 * SECOND)
    assert [host.name for host in scenario.roster.hosts[:3]] == ["broker", "workers-0", "workers-1"]
    assert [host.zone for host in scenario.roster.groups["workers"]] == ["a", "b", "a", "b", "a", "b"]
    assert [fault.described() for fault in scenario.faults] == [
        "pause any 2 of workers for 90 s",
        "kill any 1 of workers for 30 s",
        "partition a | b for 20 s",
        "power_cut broker for 3 s",
    ]
    assert [expected.expectation.kind for expected in scenario.expectations] == [
        "always",
        "always",
        "eventually",
        "sometimes",
        "metric",
    ]
    assert scenario.variants == ("no_token",)


def test_a_fault_is_told_with_what_its_entry_says_beside_targets_and_times(load: Loader, steady: str) -> None:
    more = """
  lossy: {loss: broker <-> workers, share: 1%, at: 1min, for: 20s}
  cut:   {partition: [[broker], [workers]], reject: true, at: 1min, for: 20s}
  jump:  {clock_step: broker, by: -3s, at: 1min}
"""
    faults = load(steady.replace("\nfaults:\n", f"\nfaults:{more}")).faults
    assert [fault.described() for fault in faults[:3]] == [
        "loss broker <-> workers (share: 1%) for 20 s",
        "partition broker | workers (reject) for 20 s",
        "clock_step broker (by: -3s)",
    ]


def test_configs_and_loads_are_the_systems_own_models(load: Loader, steady: str) -> None:
    scenario = load(steady)
    worker: Any = scenario.config["worker"]
    assert (worker.lease.seconds, worker.slots, worker.lease_token) == (60, 4, True)
    assert set(scenario.config) == {"broker", "worker", "client"}
    (resize,) = scenario.loads
    model: Any = resize.model
    assert model.service == distribution.Exponential(1e9)
    assert model.rate.per_second == 17
    assert [target.text for target in resize.targets] == ["clients"]


def test_links_take_from_default_what_they_do_not_say(load: Loader, steady: str) -> None:
    wiring = load(steady).wiring
    assert wiring.default.loss == 0.0001
    (wire,) = wiring.wires
    assert (wire.source, wire.target, wire.both) == ("a", "b", True)
    assert wire.link.one_way == distribution.Constant(2e6)
    assert (wire.link.loss, wire.link.bandwidth) == (0.0001, 10**9)
    assert wiring.topology().default == wiring.default


def test_every_fault_knows_its_line(load: Loader, steady: str) -> None:
    scenario = load(steady)
    gc, _, _, again = scenario.faults
    assert str(gc.position) == "my.yaml:19:3"
    assert again.timing.at is not None
    assert again.timing.at.anchor == FaultEdge("split")
    assert str(scenario.position("config.worker.lease")) == "my.yaml:14:12"
    assert str(scenario.position("config.worker.missing")) == "my.yaml:14:3"


def test_a_scenario_does_not_change(load: Loader, steady: str) -> None:
    scenario = load(steady)
    with pytest.raises(FrozenInstanceError):
        scenario.seed = 8  # type: ignore[misc]
    with pytest.raises(TypeError):
        scenario.config["worker"] = scenario.config["broker"]  # type: ignore[index]


def test_a_variant_changes_what_it_names(load: Loader, steady: str) -> None:
    scenario = load(steady, variant="no_token")
    worker: Any = scenario.config["worker"]
    assert not worker.lease_token
    assert [expected.expectation.text for expected in scenario.expectations] == [
        "always no_acked_task_lost",
        "eventually queue_drained within 2min",
        "sometimes task.redelivered",
        "task.latency p99 < 2s in steady",
        "fails effect_once",
    ]
    assert scenario.variant == "no_token"
    assert (scenario.variants, scenario.sweep) == ((), None)


def test_a_variant_may_change_whole_sections(load: Loader, steady: str) -> None:
    text = steady.replace(
        "variants:\n", "variants:\n  calm: {faults: {gc: null, losses: {for: 10s}}, expect: [drop task.redelivered]}\n"
    )
    scenario = load(text, variant="calm")
    assert [fault.name for fault in scenario.faults] == ["losses", "split", "again"]
    assert scenario.faults[0].timing.lasts == 10 * SECOND
    assert "sometimes" not in [expected.expectation.kind for expected in scenario.expectations]


def test_a_broken_variant_is_an_error_of_the_file(load: Loader, steady: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load(steady.replace("config.worker.lease_token: false", "config.worker.lease_tokn: false"))
    assert str(error.value).startswith(
        "my.yaml:30:20: variant `no_token`: unknown key `lease_tokn` in `config.worker`; nearest: `lease_token`."
    )


def test_overrides_use_the_same_paths(load: Loader, steady: str) -> None:
    scenario = load(steady, overrides=["faults.gc.for=60s", "hosts.workers.count=7", "faults.again=null", "seed=9"])
    assert scenario.faults[0].timing.lasts == 60 * SECOND
    assert (scenario.seed, len(scenario.roster), len(scenario.faults)) == (9, 11, 3)


def test_overrides_may_add(load: Loader, steady: str) -> None:
    scenario = load(
        steady, overrides=["faults.late={kill: broker, at: 15min, for: 1s}", "config.client={}", "warmup=0s"]
    )
    assert scenario.faults[-1].name == "late"
    assert str(scenario.faults[-1].position).startswith("--set faults.late=")


@pytest.mark.parametrize(
    ("option", "refusal"),
    [
        ("faults.gcc.for=60s", "--set faults.gcc.for=60s: there is no `gcc` under `faults`; nearest: `gc`."),
        ("faults.gc.for=60", "--set faults.gc.for=60: a duration needs a unit: write for example `60s`, not `60`."),
        ("faults.gcc=null", "there is no `gcc` under `faults`; nearest: `gc`."),
        ("config.worker.leas=null", "`config.worker.leas` is not there to be removed; nearest: `lease`."),
        ("faults.gc", "write PATH=VALUE"),
        ("=1", "is not a path"),
        ("a..b=1", "is not a path"),
        ("seed=[", "not YAML"),
        ("seed.x=1", "`seed` is a single value"),
        ("faults.split.partition.5=[a]", "is a list of 2"),
        ("sead=1", "unknown key `sead`; nearest: `seed`"),
    ],
)
def test_overrides_refused(load: Loader, steady: str, option: str, refusal: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load(steady, overrides=[option])
    assert refusal in str(error.value)


def test_a_seed_from_outside_wins(load: Loader, steady: str) -> None:
    assert load(steady, seed=99).seed == 99
    other = load(steady).with_seed(99)
    assert other == load(steady, seed=99)
    assert "seed: 99" in dump(other)


def test_without_a_seed_the_seed_is_one_and_written_down(load: Loader, steady: str) -> None:
    scenario = load(steady.replace("seed: 7\n", ""))
    assert scenario.seed == 1
    assert "seed: 1" in dump(scenario)


@pytest.mark.parametrize("variant", [None, "no_token"])
def test_what_is_dumped_loads_as_the_same(load: Loader, steady: str, variant: str | None) -> None:
    scenario = load(steady, variant=variant, overrides=["faults.gc.for=61s"])
    again = load(dump(scenario))
    assert again.faults == scenario.faults
    assert again.expectations == scenario.expectations
    assert (again.config, again.loads, again.roster, again.wiring) == (
        scenario.config,
        scenario.loads,
        scenario.roster,
        scenario.wiring,
    )
    assert dump(again) == dump(scenario)


def test_two_loads_are_equal(load: Loader, steady: str) -> None:
    assert load(steady) == load("# another comment\n\n" + steady)


def test_a_sweep_is_counted(load: Loader, steady: str) -> None:
    sweep = load(steady).sweep
    assert sweep is not None
    assert sweep.vary == (("hosts.workers.count", ("2", "4", "8")),)
    assert sweep.runs == 60


def test_clocks_and_dates(load: Loader, steady: str) -> None:
    text = steady.replace("disk: ssd}", "clock: {offset: -5min, drift: 20ppm}}") + "start: 2026-03-01T12:00:00Z\n"
    scenario = load(text)
    broker = scenario.roster.by_name["broker"]
    assert (broker.clock.offset, broker.clock.drift) == (-300 * SECOND, 20_000)
    assert scenario.start_ns == 1_772_366_400 * SECOND


def test_a_clock_is_kept_right_by_hosts_and_groups(load: Loader, steady: str) -> None:
    text = steady.replace("disk: ssd}", "clock: {wander: 0.005ppm, bound: 7ms, ntp: {servers: [workers], poll: 16s}}}")
    clock = load(text).roster.by_name["broker"].clock
    assert (clock.wander, clock.bound) == (5, 7 * SECOND // 1000)
    assert clock.ntp is not None
    assert (clock.ntp.servers, clock.ntp.poll) == (("workers",), 16 * SECOND)


@pytest.mark.parametrize(
    ("server", "said"),
    [("wrokers", "unknown host or group `wrokers` in `ntp`; nearest: `workers`"), ("broker", "cannot ask itself")],
)
def test_a_time_server_that_is_none_is_refused(load: Loader, steady: str, server: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(said)):
        load(steady.replace("disk: ssd}", f"clock: {{ntp: {{servers: [{server}]}}}}}}"))


def test_an_installed_scenario_goes_by_name(registry: Any, library: Any) -> None:
    scenario = load_scenario("task_queue/steady", registry=registry, library=library)
    assert (scenario.name, scenario.file) == ("task_queue/steady", "steady.yaml")


def test_a_repeated_condition_may_end(load: Loader, steady: str) -> None:
    timing = (
        load(steady.replace("every: exp(2min), for: 30s", "every: 10s, for: 1s, until: 15min, times: 3"))
        .faults[1]
        .timing
    )
    assert timing.until is not None
    assert (timing.lasts, timing.until.delay_ns, timing.times) == (Duration.parse("1s"), 900 * SECOND, 3)


def test_forever_needs_no_value(load: Loader, steady: str) -> None:
    assert load(steady.replace("at: 10min, for: 20s", "at: 10min, forever")).faults[2].timing.forever
