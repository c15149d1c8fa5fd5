"""Faults of names: who asks while they hold, what machines keep of it, and that the service is itself again."""

import asyncio
import socket

import pytest

from simkit.kernel import Constant
from simkit.language.units import Duration
from simkit_faults.names import NamesDown, NamesMissing, NamesPoisoned, NamesSlow, NamesStale

SECOND = 10**9


class Curious:
    """A program that looks a name up in each second and notes what it hears, and how long that took."""

    def __init__(self, name="service"):
        self.name = name
        self.heard = {}

    async def __call__(self, host):
        heard = self.heard.setdefault(host.name, [])
        while True:
            began_ns = host.world.now_ns
            try:
                found = await host.loop.getaddrinfo(self.name, 80, type=socket.SOCK_STREAM)
                answer = found[0][4][0]
            except socket.gaierror as error:
                answer = error.errno
            heard.append((began_ns / SECOND, answer, (host.world.now_ns - began_ns) / SECOND))
            await asyncio.sleep(1)


def heard_under(arenas, fault, until_s=20, then=None):
    """Hold the fault over zone a from 5 s to 10 s; return what a-0 and b-0 heard."""
    curious = Curious()
    arena = arenas(program=curious)
    arena.network.names.publish("service", ["b-1"], ttl_s=0)
    arena.world.run(5 * SECOND)
    with fault.hold(arena, (arena.hosts["a-0"], arena.hosts["a-1"])):
        if then is not None:
            then(arena)
        arena.world.run(10 * SECOND)
    arena.world.run(until_s * SECOND)
    assert arena.network.names.conditions == []
    return curious.heard["a-0"], curious.heard["b-0"]


def answers(heard, begin_s, end_s):
    return {answer for at_s, answer, _ in heard if begin_s <= at_s < end_s}


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (NamesDown(fails=True), socket.EAI_AGAIN),
        (NamesMissing(), socket.EAI_NONAME),
        (NamesPoisoned(to="a-1", ttl=Duration(0)), "10.0.0.2"),
    ],
    ids=lambda value: getattr(value, "word", ""),
)
def test_who_asks_hears_something_else_while_it_holds(arenas, fault, answer):
    struck, spared = heard_under(arenas, fault, 60)
    assert answers(struck, 0, 5) == answers(spared, 0, 60) == {"10.0.0.4"}
    assert answers(struck, 6, 10) == {answer}
    assert answers(struck, 45, 60) == {"10.0.0.4"}


def test_without_an_answer_askers_wait_for_their_time_outs(arenas):
    struck, _ = heard_under(arenas, NamesDown(), 40)
    (waited,) = [took_s for at_s, _, took_s in struck if 5.5 <= at_s < 10]
    assert waited >= 5


def test_slow_answers_are_slow_and_right(arenas):
    struck, spared = heard_under(arenas, NamesSlow(add=Constant(0.5 * SECOND)))
    assert {took_s for at_s, _, took_s in struck if 5.1 <= at_s < 9} == {0.5}
    assert {took_s for _, _, took_s in spared} == {0.0}
    assert answers(struck, 0, 20) == {"10.0.0.4"}


def test_old_answers_are_given_until_it_ends(arenas):
    def move(arena):
        arena.network.names.publish("service", ["a-1"], ttl_s=0)

    struck, spared = heard_under(arenas, NamesStale(), then=move)
    assert answers(struck, 6, 10) == {"10.0.0.4"}
    assert answers(spared, 6, 10) == answers(struck, 11, 20) == {"10.0.0.2"}


def test_a_wrong_answer_is_kept_as_long_as_it_says(arenas):
    struck, _ = heard_under(arenas, NamesPoisoned(to="a-1", ttl=Duration(8 * SECOND)), 30)
    assert answers(struck, 6, 13) == {"10.0.0.2"}
    assert answers(struck, 19, 30) == {"10.0.0.4"}


def test_only_the_names_it_is_about_are_struck(arenas):
    struck, _ = heard_under(arenas, NamesMissing(names=("another",)))
    assert answers(struck, 0, 20) == {"10.0.0.4"}


def test_names_lead_to_hosts_that_there_are(arena):
    with pytest.raises(ValueError, match="no host 'nobody'"), NamesPoisoned(to="nobody").hold(arena, ()):
        pass
