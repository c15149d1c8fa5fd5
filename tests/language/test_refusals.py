"""Every slip is one line with file, line, column and the nearest right spelling; nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simkit.language.problem import ScenarioError, edit_distance, nearest_name, quoted
from simkit.language.scenario import Scenario

Loader = Callable[..., Scenario]


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        (
            "any 2 of workers",
            "any 2 of worker",
            "my.yaml:19:19: unknown target `worker` in `any 2 of worker`; nearest: `workers` (6 hosts)",
        ),
        ("any 2 of workers", "any 9 of workers", "my.yaml:19:19: target `any 9 of workers` wants 9 of 6 hosts"),
        (
            "pause: any 2 of workers",
            "puase: broker",
            "my.yaml:19:12: unknown fault `puase` in `faults.gc`; nearest: `pause`",
        ),
        ("for: 90s", "fro: 90s", "my.yaml:19:47: unknown key `fro` in `faults.gc`; nearest: `for`"),
        ("for: 90s", "for: 90", "my.yaml:19:52: a duration needs a unit: write for example `90s`, not `90`"),
        (
            ", for: 90s",
            "",
            "my.yaml:19:3: `faults.gc` lasts, so it needs `for: 30s`, `until: 10min` or `forever: true`",
        ),
        (
            "for: 90s",
            "for: 90s, until: 7min",
            "my.yaml:19:57: `faults.gc` says twice how long it lasts: `for`, `until`",
        ),
        ("at: 5min, ", "", "my.yaml:19:3: `faults.gc` does not say when; write `at: 5min` or `every: 10min`"),
        ("at: 5min", "at: 25min", "my.yaml:19:41: `gc` begins at 25min, after the end (`duration: 20min`)"),
        ("for: 90s", "until: 2min", "my.yaml:19:41: `gc` ends at 2min, not after it begins (5min)"),
        ("for: 90s", "for: 90s, times: 3", "my.yaml:19:57: `times` needs `every`"),
        (
            "at: 5s after split",
            "at: 5s after splt",
            "my.yaml:22:35: unknown fault `splt` in `5s after splt`; nearest: `split`",
        ),
        (
            "at: 5s after split",
            "at: 5s after again",
            "my.yaml:22:35: faults wait for each other in a circle: `again`, `again`",
        ),
        (
            "at: 5s after split",
            "at: when plan.aply",
            "my.yaml:22:35: unknown event `plan.aply` in `when plan.aply`; task_queue has `task.redelivered`, "
            "`plan.apply`; nearest: `plan.apply`",
        ),
        (
            "at: 5s after split",
            "at: when disk.sync",
            "my.yaml:22:35: `disk.sync` in `when disk.sync` is a fault point; nearest: `point disk.sync`",
        ),
        (
            "at: 5s after split",
            "at: 3rd point disk.snyc",
            "my.yaml:22:35: unknown fault point `disk.snyc` in `3rd point disk.snyc`; task_queue has `disk.read`",
        ),
        (
            "every: exp(2min)",
            "every: 30min",
            "my.yaml:20:3: `losses` repeats every `30min`, longer than the run of 20 min",
        ),
        ("every: exp(2min)", "every: exp(2min) each", "my.yaml:20:18: `each` repeats for every host by itself"),
        ("[[a], [b]]", "[a, b]", "my.yaml:21:23: groups are lists in a list; nearest: `[[a], [b]]`"),
        ("[[a], [b]]", "[[a], [a]]", "my.yaml:21:23: `workers-0` is in two groups of partition"),
        (
            "power_cut: broker",
            "clock_step: broker, by: 1s",
            "my.yaml:22:60: `faults.again` strikes once and has nothing to heal",
        ),
        ("power_cut: broker", "loss: a <-> b", "`share` is missing in `faults.again`"),
        (
            "pause: any 2 of workers",
            "pause: leader",
            "my.yaml:19:19: `leader` is a role that hosts take while the system runs; task_queue has none",
        ),
        ("system: task_queue", "system: task_qeue", "my.yaml:2:9: unknown system `task_qeue`"),
        ("role: worker", "role: workr", "my.yaml:8:19: unknown role `workr`"),
        ("disk: ssd", "disk: sdd", "my.yaml:7:33: unknown disk `sdd`"),
        ("count: 6", "count: 1000000000", "my.yaml:7:3: 1,000,000,004 hosts; the limit hosts of 10,000 is exceeded"),
        ("count: 6", "count: 0", "my.yaml:8:34: `hosts.workers.count`: must be at least 1, found `0`"),
        ("count: 6", "count: six", "my.yaml:8:34: `hosts.workers.count`: expected a whole number, found `six`"),
        ("zones: [a, b]", "zones: [a, clients]", "my.yaml:9:3: `clients` names both hosts and a zone"),
        ("  clients:", "  any:", "my.yaml:9:3: `any` is a word of the language and cannot name a host"),
        (
            "lease_token: true",
            "lease_token: no",
            "my.yaml:14:47: `config.worker.lease_token`: expected `true` or `false`, found `no`",
        ),
        (
            "lease_token: true",
            "lease_tokn: true",
            "my.yaml:14:34: unknown key `lease_tokn` in `config.worker`; nearest: `lease_token`",
        ),
        (
            "fsync: always",
            "fsync: no",
            "my.yaml:15:19: `config.broker.fsync`: expected one of `always`, `everysec`, `never`, found `no`",
        ),
        ("  broker: {fsync", "  brokr: {fsync", "my.yaml:15:3: unknown role `brokr` in `config`"),
        (
            "{rtt: 4ms",
            "{latency: 4ms",
            "my.yaml:12:13: unknown key `latency` in `network.a <-> b`; nearest: `rtt` (there and back) or `one_way`",
        ),
        ("{rtt: 4ms", "{rtt: 4ms, one_way: 2ms", "`rtt` and `one_way` are both given"),
        ("a <-> b:", "a <-> c:", "my.yaml:12:3: unknown target `c` in `a <-> c`; nearest: `a` (3 hosts)"),
        ("a <-> b:", "a = b:", "my.yaml:12:3: `a = b` names no link"),
        ("loss: 0.01%", "loss: 0.01", "my.yaml:11:51: a fraction needs a unit: write for example `0.01%`, not `0.01`"),
        ("17/s total", "17/s", "my.yaml:17:33: say whose rate: `17/s total` (all hosts together) or `17/s each`"),
        ("from: clients", "from: workers", "my.yaml:17:18: role `worker` offers no load; `client` can"),
        ("from: clients", "from: any 1 of clients", "my.yaml:17:18: load comes from fixed hosts"),
        ("until: 19min", "start: 20min", "my.yaml:17:70: `resize` starts after the end"),
        ("always effect_once", "always efect_once", "my.yaml:25:5: unknown check `efect_once`"),
        (
            "within 2min",
            "within 30min",
            "my.yaml:26:5: `eventually queue_drained within 30min` waits longer than the run lasts",
        ),
        ("- always effect_once", "- drop effect_once", "there is no such expectation to drop"),
        (
            "- always effect_once",
            "- always no_acked_task_lost",
            "my.yaml:25:5: `always no_acked_task_lost` is expected twice",
        ),
        (
            "warmup: 60s",
            "warmup: 20min",
            "my.yaml:5:9: the warm-up is not over before the run ends (`duration: 20min`)",
        ),
        ("duration: 20min", "duration: 0s", "my.yaml:4:11: a run that lasts no time shows nothing"),
        ("seed: 7", "seed: -1", "my.yaml:3:7: `seed`: must be at least 0, found `-1`"),
        ("hosts:\n", "host:\n", "my.yaml:6:1: unknown key `host`; nearest: `hosts`"),
        ("any 2 of workers", "there", "my.yaml:19:19: `there` is the host of the event or point that `at:` waits for"),
        ("any 2 of workers", "any rack", "my.yaml:19:19: target `any rack`: no host has a rack"),
        ("any 2 of workers", "workers but workers", "my.yaml:19:19: target `workers but workers` matches no host"),
        ("any 2 of workers", "workers but wrkers", "unknown target `wrkers`; nearest: `workers` (6 hosts)"),
        ("faults:\n", "budget: {worker: 1}\nfaults:\n", "my.yaml:18:18: `budget.worker`: expected a map"),
        (
            "faults:\n",
            "budget: {worker: {down: 1}}\nfaults:\n",
            "my.yaml:18:10: unknown target `worker`; nearest: `workers` (6 hosts)",
        ),
        (
            "faults:\n",
            "budget: {any 2 of workers: {down: 1}}\nfaults:\n",
            "my.yaml:18:10: a budget is of fixed hosts; `any 2 of workers` is not",
        ),
        (
            "faults:\n",
            "budget: {broker: {down: minority}}\nfaults:\n",
            "my.yaml:18:10: `broker` is 1 host, whose largest minority is nobody",
        ),
        ("faults:\n", "swarm: {of: [gcc]}\nfaults:\n", "my.yaml:18:8: unknown fault `gcc` in `swarm`; nearest: `gc`"),
        ("seeds: 20", "seeds: 200000", "600,000 runs; the limit sweep of 100,000 is exceeded"),
        (
            "hosts.workers.count: [2",
            "hosts.wrkers.count: [2",
            "my.yaml:31:16: there is no `wrkers` under `hosts`; nearest: `workers`",
        ),
    ],
)
def test_one_slip_one_line(load: Loader, steady: str, right: str, wrong: str, line: str) -> None:
    assert right in steady
    with pytest.raises(ScenarioError) as error:
        load(steady.replace(right, wrong))
    text = str(error.value)
    assert line in text
    assert text.endswith(". Nothing was run.")
    assert "\n" not in text


def test_several_slips_are_reported_together(load: Loader, steady: str) -> None:
    wrong = steady.replace("lease: 60s", "lease: 60").replace("pause:", "puase:").replace("p99 <", "p98 <")
    with pytest.raises(ScenarioError) as error:
        load(wrong)
    assert [problem.position.line for problem in error.value.problems] == [14, 19, 28]
    assert (error.value.file, error.value.line, error.value.column) == ("my.yaml", 14, 19)
    assert error.value.message.startswith("a duration needs a unit")


@pytest.mark.parametrize(
    ("right", "wrong", "line"), [("duration: 20min", "duration: 20mins", 4), ("role: broker", "role: brokr", 7)]
)
def test_a_wrong_frame_hides_no_slip_behind_it(load: Loader, steady: str, right: str, wrong: str, line: int) -> None:
    text = steady.replace("lease: 60s", "lease: 60").replace("pause:", "puase:").replace("always ", "alwys ", 1)
    with pytest.raises(ScenarioError) as error:
        load(text.replace(right, wrong))
    assert [problem.position.line for problem in error.value.problems] == [line, 14, 19, 24]


def test_whoever_waits_for_a_wrong_fault_makes_no_second_mistake(load: Loader, steady: str) -> None:
    assert "5s after split" in steady
    with pytest.raises(ScenarioError) as error:
        load(steady.replace("partition:", "partitoin:").replace("any 2 of workers", "any 2 of worker"))
    assert [problem.position.line for problem in error.value.problems] == [19, 21]


def test_an_inherited_variant_that_no_longer_fits_says_how_to_leave_it_out(load: Loader, steady: str) -> None:
    late = steady.replace("variants:\n", "variants:\n  late: {faults: {gc: {at: 19min}}}\n")
    load(late)
    Path("base.yaml").write_text(late)
    shorter = "extends: base.yaml\nduration: 18min\n"
    with pytest.raises(ScenarioError, match=r"`late` .inherited; `variants: {late: null}` leaves it out.: `gc` begins"):
        load(shorter)
    load(f"{shorter}variants: {{late: null}}\n")


def test_a_fault_that_always_goes_beyond_the_budget(load: Loader, steady: str) -> None:
    text = steady.replace("faults:\n", "budget: {workers: {down: minority}}\nfaults:\n")
    assert load(text).budget[0].down == 2
    with pytest.raises(ScenarioError, match=r"my.yaml:20:19: `gc` strikes 6 of `workers` at once; the budget allows 2"):
        load(text.replace("any 2 of workers", "all workers"))


def test_the_swarm_leaves_out_some_with_every_seed(load: Loader, steady: str) -> None:
    text = steady.replace("faults:\n", "swarm: {keep: 50%, of: [gc, losses]}\nfaults:\n")
    left_out = [load(text, seed=seed).left_out for seed in range(40)]
    assert set(left_out) == {frozenset(), frozenset({"gc"}), frozenset({"losses"}), frozenset({"gc", "losses"})}
    assert left_out == [load(text, seed=seed).left_out for seed in range(40)]


def test_a_swarm_by_family_plays_all_of_a_family_or_none(load: Loader, steady: str) -> None:
    text = steady.replace("faults:\n", "swarm: {keep: 50%, by: family}\nfaults:\n")
    scenario = load(text)
    assert scenario.swarm is not None
    assert set(scenario.swarm.lots) == {injection.name for injection in scenario.faults}
    assert {load(text, seed=seed).left_out for seed in range(20)} == {frozenset(), frozenset(scenario.swarm.lots)}


def test_racks(load: Loader, steady: str) -> None:
    zones = "zones: [a, b]}"
    assert zones in steady
    scenario = load(steady.replace(zones, "zones: [a, b], racks: [r1, r2, r3, r4]}"))
    assert [host.rack for host in scenario.roster.groups["workers"]] == ["r1", "r2", "r3", "r4", "r1", "r2"]
    with pytest.raises(ScenarioError, match=r"rack `r1` would stand in zones `a`, `b`; a rack stands in one"):
        load(steady.replace(zones, "zones: [a, b], racks: [r1, r2, r3]}"))


def test_faults_that_cannot_both_hold(load: Loader, steady: str) -> None:
    wrong = steady.replace(
        "faults:\n", "faults:\n  a1: {pause: workers-1, at: 1min, for: 10s}\n  a2: {wipe: workers, at: 65s, for: 1s}\n"
    )
    with pytest.raises(ScenarioError, match=r"`a2` \(wipe\) and `a1` \(pause\) cannot both hold at 65s"):
        load(wrong)
    load(wrong.replace("at: 65s", "at: 70s"))


def test_a_system_with_roles_of_its_own_allows_them(load: Loader, steady: str) -> None:
    text = steady.replace("system: task_queue", "system: raft").replace("pause: any 2 of workers", "pause: leader")
    assert load(text).faults[0].aim_text == "leader"


def test_hostile_names_do_not_steer_the_terminal(load: Loader, steady: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load(steady.replace("system: task_queue", 'system: "\\e[31m\\u202e' + "x" * 500 + '"'))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("worker", "workers", 1),
        ("puase", "pause", 1),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
        ("a", "xyz" * 3, 4),
    ],
)
def test_edit_distance(left: str, right: str, distance: int) -> None:
    assert edit_distance(left, right, 3) == distance
    assert edit_distance(right, left, 3) == distance


def test_the_nearest_name() -> None:
    assert nearest_name("steddy", ["steady", "study", "all"]) == "steady"
    assert nearest_name("latency", ["task.latency", "queue.depth"]) == "task.latency"
    assert nearest_name("zzz", ["steady"]) is None


def test_quoting_is_short_and_printable() -> None:
    assert quoted("a\x1b[31m") == "`a\\x1b[31m`"
    assert len(quoted("x" * 1000)) == 62
