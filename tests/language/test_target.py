"""Targets: whom a phrase means, and what it says when it means nobody."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.kernel.stream import Stream
from simkit.language.model import ClockModel
from simkit.language.problem import Refusal
from simkit.language.roster import HostEntry, Roster
from simkit.language.target import (
    DynamicRole,
    InPlace,
    Named,
    Target,
    parse_groups,
    parse_link,
    parse_target,
    parse_targets,
    resolve_all,
)


def roster(**groups: int) -> Roster:
    hosts: list[HostEntry] = []
    for group, count in groups.items():
        for number in range(count or 1):
            name = f"{group}-{number}" if count else group
            zone = "ab"[number % 2] if count else None
            hosts.append(HostEntry(name, group, len(hosts), number, group, zone, "ssd", 1, ClockModel()))
    return Roster(tuple(hosts), {})


ROSTER = roster(broker=0, workers=6, clients=3)


def names(phrase: str, seed: int = 7) -> list[str]:
    return [host.name for host in parse_target(phrase).resolve(ROSTER, Stream(seed, "test"))]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("workers-2", ["workers-2"]),
        ("broker", ["broker"]),
        ("clients", ["clients-0", "clients-1", "clients-2"]),
        ("all clients", ["clients-0", "clients-1", "clients-2"]),
        ("all of clients", ["clients-0", "clients-1", "clients-2"]),
        ("workers in b", ["workers-1", "workers-3", "workers-5"]),
        ("workers in zone b", ["workers-1", "workers-3", "workers-5"]),
        ("zone b", ["workers-1", "workers-3", "workers-5", "clients-1"]),
        ("b", ["workers-1", "workers-3", "workers-5", "clients-1"]),
    ],
)
def test_fixed_targets(phrase: str, expected: list[str]) -> None:
    assert names(phrase) == expected


@pytest.mark.parametrize(
    ("phrase", "size"),
    [
        ("any 2 of workers", 2),
        ("70% of workers", 4),
        ("1% of workers", 1),
        ("50% of workers in a", 2),
        ("minority of workers", 2),
        ("majority of workers", 4),
        ("minority of clients", 1),
        ("any 3 of zone b", 3),
    ],
)
def test_drawn_targets_have_their_size_and_come_in_roster_order(phrase: str, size: int) -> None:
    chosen = names(phrase)
    assert len(set(chosen)) == size
    everyone = [host.name for host in ROSTER.hosts]
    assert chosen == [name for name in everyone if name in chosen]


def test_the_stream_decides_alone() -> None:
    assert names("any 2 of workers", seed=7) == names("any 2 of workers", seed=7)
    assert len({tuple(names("any 2 of workers", seed=seed)) for seed in range(20)}) > 5


def test_a_fixed_target_draws_nothing() -> None:
    stream, untouched = Stream(7, "test"), Stream(7, "test")
    parse_target("workers").resolve(ROSTER, stream)
    assert stream.bits64() == untouched.bits64()


def test_several_targets_meet_each_host_once() -> None:
    chosen = resolve_all(parse_targets(["workers-1", "b"]), ROSTER, Stream(7, "test"))
    assert [host.name for host in chosen] == ["workers-1", "workers-3", "workers-5", "clients-1"]


def test_phrases_become_small_values() -> None:
    assert parse_target("any 2 of  workers in a") == Target(
        "any 2 of workers in a", Named("workers", "a"), "any", Fraction(2)
    )
    assert parse_target("zone eu").domain == InPlace("zone", "eu")
    assert parse_target("leader").domain == DynamicRole("leader")
    assert parse_target("leader of range 7").domain == DynamicRole("leader", "range 7")


@pytest.mark.parametrize(
    ("phrase", "refusal", "nearest"),
    [
        ("worker", "unknown target `worker`", "`workers` (6 hosts)"),
        ("any 2 of worker", "unknown target `worker` in `any 2 of worker`", "`workers` (6 hosts)"),
        ("workers-6", "`workers` is workers-0 .. workers-5", "`workers-5`"),
        ("zone c", "unknown zone `c` in `zone c`; zones are a, b", "`a` (5 hosts)"),
        ("broker in a", "matches no host", None),
        ("any 7 of workers", "wants 7 of 6 hosts", None),
        ("minority of broker", "wants 0 of 1 host", None),
        ("any 0 of workers", "takes no host", None),
        ("0% of workers", "above 0%", None),
        ("101% of workers", "up to 100%", None),
        ("any of workers", "cannot read target", None),
        ("workers and clients", "cannot read target", None),
        ("", "a target is a phrase", None),
        ("leader", "only known while the system runs", None),
    ],
)
def test_refused(phrase: str, refusal: str, nearest: str | None) -> None:
    with pytest.raises(Refusal) as error:
        names(phrase) if parse_target(phrase).drawn else parse_target(phrase).candidates(ROSTER)
    assert refusal in error.value.message
    assert error.value.nearest == nearest


def test_a_group_that_is_called_leader_is_just_a_group() -> None:
    led = roster(leader=0, followers=2)
    assert [host.name for host in parse_target("leader").candidates(led)] == ["leader"]
    assert not parse_target("leader").dynamic(led)
    assert parse_target("leader").dynamic(ROSTER)


def test_links_have_a_direction() -> None:
    both, one = parse_link("a <-> b"), parse_link("any 1 of workers->broker")
    assert (both.both, both.source.text, both.target.text) == (True, "a", "b")
    assert (one.both, one.source.drawn, one.target.text) == (False, True, "broker")
    with pytest.raises(Refusal, match="write `a <-> b`"):
        parse_link("a - b")


def test_groups_are_lists_in_a_list() -> None:
    assert [[t.text for t in group] for group in parse_groups([["a"], ["b", "broker"]])] == [["a"], ["b", "broker"]]
    assert [[t.text for t in group] for group in parse_groups("minority of workers")] == [["minority of workers"]]
    with pytest.raises(Refusal) as error:
        parse_groups(["a", "b"])
    assert error.value.nearest == "`[[a], [b]]`"


@given(st.text(max_size=60))
def test_any_text_is_a_target_or_a_refusal(text: str) -> None:
    with suppress(Refusal):
        parse_target(text).candidates(ROSTER)


@given(st.integers(1, 300))
def test_minority_and_majority_are_complements_of_a_quorum(count: int) -> None:
    minority, majority = parse_target("minority of x"), parse_target("majority of x")
    assert majority.size(count) * 2 > count
    if count > 2:
        assert minority.size(count) * 2 < count
        assert (minority.size(count) + 1) * 2 >= count
