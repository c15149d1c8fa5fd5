"""Rolling restarts, deploys, config pushes and flags: who runs with what, when.

Whole scenarios of a small system are run, because the language checks what is pushed before anything runs.
"""

import pytest

from simkit.language.problem import ScenarioError

SECOND = 10**9
HEAD = """
title: x
system: service
duration: 60s
hosts:
  s: {role: server, count: 4}
  other: {role: other}
config:
  server: {limits: {most: 7}}
"""


@pytest.fixture
def ticks(served):
    """Run a scenario with these faults; return what hosts say at a time: name -> (greeting, loud, version)."""

    def run(faults, head=HEAD):
        one = served(head, faults)
        said, states = [], []
        one.world.records.subscribe(("event",), lambda record: said.append((record.time_ns, record.host, record.value)))
        one.world.records.subscribe(
            ("host",), lambda record: states.append((record.time_ns / SECOND, record.host, record.detail[0]))
        )
        document = one.execute()
        assert document.error is None

        def at(seconds):
            last = {host: event for time_ns, host, event in said if seconds - 0.5 <= time_ns / SECOND < seconds}
            return {name: (event.greeting, event.loud, event.version) for name, event in last.items()}

        at.states = states
        at.digest = document.digest
        return at

    return run


PLAIN = ("hello", False, 1)


def test_a_rolling_restart_takes_one_batch_after_the_other(ticks):
    at = ticks("again: {rolling_restart: s, batch: 2, down: 3s, between: 5s, at: 10s}")
    stops = [(when, host) for when, host, what in at.states if what == "stop"]
    assert stops == [(10, "s-0"), (10, "s-1"), (18, "s-2"), (18, "s-3")]
    boots = [(when, host) for when, host, what in at.states if what == "boot" and when > 0]
    assert boots == [(13, "s-0"), (13, "s-1"), (21, "s-2"), (21, "s-3")]
    assert at(12) == {"s-2": PLAIN, "s-3": PLAIN, "other": PLAIN}
    assert len(at(50)) == 5


def test_a_deploy_leaves_new_settings_and_a_new_version_for_good(ticks):
    at = ticks("new: {deploy: s, set: {greeting: good day}, version: next, down: 1s, between: 4s, at: 10s}")
    assert at(9)["s-0"] == PLAIN
    assert at(14) == {"s-0": ("good day", False, 2), **{f"s-{n}": PLAIN for n in (1, 2, 3)}, "other": PLAIN}
    assert at(55) == {**{f"s-{n}": ("good day", False, 2) for n in range(4)}, "other": PLAIN}


def test_a_crash_after_a_deploy_comes_back_with_what_was_deployed(ticks):
    at = ticks("new: {deploy: s-0, set: {greeting: ola}, at: 10s}\nlater: {kill: s, at: 40s, for: 1s}")
    assert at(50) == {"s-0": ("ola", False, 1), **{f"s-{n}": PLAIN for n in (1, 2, 3)}, "other": PLAIN}


def test_a_push_reaches_running_processes_and_is_taken_back(ticks):
    at = ticks("bad: {config_push: s, set: {greeting: nope}, at: 10s, for: 20s}\nk: {kill: s-1, at: 15s, for: 1s}")
    pushed = ("nope", False, 1)
    assert at(12) == {**{f"s-{n}": pushed for n in range(4)}, "other": PLAIN}
    assert at(20)["s-1"] == pushed
    assert set(at(35).values()) == {PLAIN}


def test_a_staged_push_reaches_one_host_after_the_other(ticks):
    at = ticks("bad: {config_push: s, set: {greeting: nope}, over: 20s, at: 10s, for: 30s}")
    counts = [sum(greeting == "nope" for greeting, _, _ in at(when).values()) for when in (9, 12, 17, 22, 27, 39, 45)]
    assert counts == [0, 1, 2, 3, 4, 4, 0]


def test_a_staged_push_that_ends_early_reaches_nobody_afterwards(ticks):
    at = ticks("bad: {config_push: s, set: {greeting: nope}, over: 20s, at: 10s, for: 7s}")
    assert set(at(40).values()) == {PLAIN}


def test_pushes_stack_and_are_undone_in_either_order(ticks):
    at = ticks(
        "a: {config_push: s-0, set: {greeting: a, limits: {most: 9}}, at: 10s, for: 20s}\n"
        "b: {config_push: s-0, set: {greeting: b}, at: 20s, for: 20s}\n"
        "c: {config_push: s-1, set: {greeting: c}, at: 10s, for: 30s}\n"
        "d: {config_push: s-1, set: {greeting: d}, at: 20s, for: 10s}"
    )
    assert [at(when)["s-0"][0] for when in (15, 25, 35, 45)] == ["a", "b", "b", "hello"]
    assert [at(when)["s-1"][0] for when in (15, 25, 35, 45)] == ["c", "d", "c", "hello"]


def test_a_flag_is_the_other_way_round_and_back(ticks):
    at = ticks(
        "f: {flag_flip: any 2 of s, flag: loud, at: 10s, for: 20s}\n"
        "g: {flag_flip: s, flag: limits.strict, at: 1s, for: 5s}"
    )
    assert sum(loud for _, loud, _ in at(20).values()) == 2
    assert not any(loud for _, loud, _ in at(40).values())


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("{deploy: s, at: 1s}", "a deploy changes something"),
        ("{deploy: s, set: {greting: x}, at: 1s}", ":11:24: unknown key `greting` in `config.server`"),
        ("{deploy: s, set: {limits: {most: 0}}, at: 1s}", "`config.server.limits.most`: must be at least 1, found `0`"),
        ("{deploy: s, version: nxt, at: 1s}", "role `server` has no version `nxt`; there are `next`; nearest: `next`"),
        ("{deploy: other, version: next, at: 1s}", "role `other` has no version `next`; it has one"),
        ("{config_push: s, set: {loud: 5}, at: 1s, for: 1s}", "expected `true` or `false`, found `5`"),
        ("{config_push: s, set: {}, at: 1s, for: 1s}", "`faults.f.set`: must have"),
        ("{flag_flip: s, flag: lod, at: 1s, for: 1s}", "role `server`: `lod` is no setting that is on or off"),
        ("{flag_flip: s, flag: greeting, at: 1s, for: 1s}", "`greeting` is no setting that is on or off"),
        ("{rolling_restart: s, at: 1s, for: 1s}", "ends by itself; `for` has no meaning"),
    ],
)  # fmt: skip
def test_what_no_role_would_accept_is_refused_before_anything_runs(ticks, fault, complaint):
    with pytest.raises(ScenarioError) as error:
        ticks(f"f: {fault}")
    assert complaint in str(error.value)


def test_rollouts_are_deterministic(ticks):
    faults = (
        "a: {config_push: s, set: {greeting: x}, over: 9s, at: 5s, for: 20s}\nb: {deploy: s, version: next, at: 9s}"
    )
    assert ticks(faults).digest == ticks(faults).digest
