"""The engine: time, chance and order come from the host; scripts are fenced in; what cannot be replayed is refused."""

import sys
from typing import Any

import pytest
from fakeredis._helpers import SimpleError
from redis_hosts import Desk, contents

from simkit_nodes.blocks.redis_host.connection import Connection
from simkit_nodes.blocks.redis_host.containment import PLACES, EngineChance, VirtualTime, running


class Blocked:
    """A client whose blocking commands wait; remembers what it was told later."""

    def __init__(self, desk: Desk, name: str, told: list[tuple[str, Any]]) -> None:
        self.timers: list[Any] = []
        self.client = Connection(desk.engine, lambda value, push: told.append((name, value)), self._call_later)

    def _call_later(self, seconds: float, callback: Any) -> "Blocked":
        self.timers.append((seconds, callback))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def __call__(self, *words: bytes) -> Any:
        return self.client.execute(list(words))


def test_no_fakeredis_module_keeps_the_real_clock_or_the_real_dice() -> None:
    assert len(PLACES) >= 10
    real = {
        f"{name}.{attribute}"
        for name, module in list(sys.modules.items())
        if name.startswith("fakeredis") and not name.endswith("_tcp_server")
        for attribute in ("time", "random", "secrets", "datetime")
        if getattr(getattr(module, attribute, None), "__name__", "") == attribute
    }
    assert real == set()


def test_time_and_chance_outside_of_an_engine_are_an_error() -> None:
    assert running.engine is None
    with pytest.raises(RuntimeError, match="no engine"):
        VirtualTime.time()
    with pytest.raises(RuntimeError, match="no engine"):
        EngineChance.randrange(6)


def test_keys_expire_by_the_hosts_clock() -> None:
    desk = Desk()
    desk("SET", "a", "1", "PX", 1500)
    desk.clock.pass_seconds(1.4)
    assert desk("GET", "a") == b"1"
    desk.clock.pass_seconds(0.2)
    assert desk("GET", "a") is None


def test_a_key_nobody_asks_for_expires_too_and_the_log_says_so() -> None:
    desk = Desk()
    desk("SET", "a", "1", "EX", 1)
    desk.log()
    desk.clock.pass_seconds(5)
    desk.engine.expire_due()
    assert b"DEL" in desk.log()
    assert contents(desk.engine) == {}


def test_time_is_exact_to_the_microsecond() -> None:
    desk = Desk()
    desk.clock.now_ns = 1_767_225_600_123_456_789
    assert desk("TIME") == [b"1767225600", b"123456"]


def test_chance_comes_from_the_hosts_stream() -> None:
    def popped(seed: int) -> list[bytes]:
        desk = Desk(seed)
        desk("SADD", "s", *range(20))
        return [desk("SPOP", "s") for _ in range(10)]

    assert popped(1) == popped(1) != popped(2)


def test_clients_blocked_on_a_key_are_served_in_the_order_in_which_they_came() -> None:
    desk, told = Desk(), []
    clients = [Blocked(desk, str(number), told) for number in range(20)]
    for client in clients:
        client(b"BLPOP", b"q", b"0")
    desk("RPUSH", "q", *range(20))
    desk.engine.serve_blocked()
    assert told == [(str(number), [b"q", b"%d" % number]) for number in range(20)]


def test_one_push_wakes_one_client_and_its_pop_is_logged_as_a_pop() -> None:
    desk, told = Desk(), []
    first, second = Blocked(desk, "first", told), Blocked(desk, "second", told)
    first(b"BZPOPMIN", b"bell", b"7")
    second(b"BZPOPMIN", b"bell", b"7")
    desk("ZADD", "bell", 0, "work")
    desk.log()
    desk.engine.serve_blocked()
    assert [name for name, _ in told] == ["first"]
    assert b"ZREM" in desk.log()
    assert first.client.wait is None
    assert second.client.wait is not None


def test_a_blocking_command_times_out_with_nothing() -> None:
    desk, told = Desk(), []
    client = Blocked(desk, "client", told)
    client(b"BLPOP", b"q", b"2.5")
    (seconds, time_out) = client.timers[0]
    assert seconds == 2.5
    time_out()
    assert told == [("client", None)]
    desk("RPUSH", "q", "x")
    desk.engine.serve_blocked()
    assert desk("LLEN", "q") == 1


def test_a_client_that_left_takes_nothing() -> None:
    desk, told = Desk(), []
    client = Blocked(desk, "client", told)
    client(b"BLPOP", b"q", b"0")
    client.client.leave()
    desk("RPUSH", "q", "x")
    desk.engine.serve_blocked()
    assert told == []
    assert desk("LLEN", "q") == 1


def test_moves_between_blocked_clients_chain() -> None:
    desk, told = Desk(), []
    Blocked(desk, "end", told)(b"BLPOP", b"b", b"0")
    Blocked(desk, "mover", told)(b"BLMOVE", b"a", b"b", b"LEFT", b"RIGHT", b"0")
    desk("RPUSH", "a", "x")
    desk.engine.serve_blocked()
    assert told == [("mover", b"x"), ("end", [b"b", b"x"])]


def test_inside_a_transaction_nothing_blocks() -> None:
    desk, told = Desk(), []
    client = Blocked(desk, "client", told)
    client(b"MULTI")
    client(b"BLPOP", b"q", b"0")
    assert client(b"EXEC") == [None]


def test_a_watched_key_that_changes_undoes_the_transaction() -> None:
    desk = Desk()
    other = Connection(desk.engine)
    desk("WATCH", "a")
    other.execute([b"SET", b"a", b"1"])
    desk("MULTI")
    desk("SET", "a", "2")
    assert desk("EXEC") is None
    assert desk("GET", "a") == b"1"


def test_subscribers_hear_messages_in_the_order_in_which_they_came() -> None:
    desk, told = Desk(), []
    for number in range(20):
        Blocked(desk, str(number), told)(b"SUBSCRIBE", b"news")
    told.clear()
    assert desk("PUBLISH", "news", "hello") == 20
    assert [name for name, _ in told] == [str(number) for number in range(20)]


def test_two_engines_share_nothing() -> None:
    one, other = Desk(), Desk()
    one("SET", "a", "1")
    one("SCRIPT", "LOAD", "return 1")
    assert other("GET", "a") is None
    assert other("SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db") == [0]


@pytest.mark.parametrize("command", ["DUMP a", "RESTORE a 0 x", "HEXPIRE a 1 FIELDS 1 f", "FUNCTION LIST", "FCALL f 0"])
def test_what_cannot_be_replayed_is_refused(command: str) -> None:
    desk = Desk()
    with pytest.raises(SimpleError, match="not offered here"):
        desk(*command.split())


def test_an_unknown_command_is_an_error_and_nothing_else() -> None:
    desk = Desk()
    with pytest.raises(SimpleError, match="unknown command"):
        desk("NOSUCH", "thing")
    assert desk("PING") == b"PONG"


# Scripts


@pytest.mark.parametrize(
    "script",
    [
        "return os.time()",
        "return io.open('x')",
        "return python",
        "return require('os')",
        "return loadstring('return 1')()",
        "x = 1",
        "return redis.call.__globals__",
        "return coroutine.create(function() end)",
        "return {",
        "return redis.call('NOSUCH')",
        "return redis.call()",
        "return redis.call('GET', {})",
        "return redis.call('GET')",
        "return redis.call('BLPOP', 'q', 0)",
        "return redis.call('EVAL', 'return 1', 0)",
        "error('mine')",
        "error({})",
        "return cjson.decode('{')",
        "return cjson.decode(string.rep('[', 10000))",
        "return string.rep('x', 1e10)",
    ],
)
def test_a_bad_script_is_an_error_for_its_caller_only(script: str) -> None:
    desk = Desk()
    with pytest.raises(SimpleError):
        desk("EVAL", script, 0)
    assert desk("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", 1, "a", "1") == b"OK"


def test_a_script_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simkit_nodes.blocks.redis_host.scripting.INSTRUCTIONS_MAX", 100_000)
    desk = Desk()
    with pytest.raises(SimpleError, match="instructions"):
        desk("EVAL", "while true do end", 0)
    with pytest.raises(SimpleError, match="instructions"):
        desk("EVAL", "while true do pcall(function() while true do end end) end", 0)
    assert desk("EVAL", "return 5", 0) == 5


def test_scripts_see_no_addresses_and_throw_the_same_dice_every_time() -> None:
    desk = Desk()
    script = "return {tostring({}), tostring(print), tostring(1.5), math.random(1000), math.random(1000)}"
    first = desk("EVAL", script.replace("tostring(print), ", ""), 0)
    assert first[:2] == [b"table", b"1.5"]
    assert desk("EVAL", script.replace("tostring(print), ", ""), 0) == first


def test_errors_inside_a_script_can_be_caught_there() -> None:
    desk = Desk()
    desk("SET", "a", "text")
    assert desk("EVAL", "return redis.pcall('LPUSH', 'a', 1)['err'] ~= nil and 'caught' or 'not'", 0) == b"caught"
    assert desk("EVAL", "local ok = pcall(redis.call, 'LPUSH', 'a', 1) return ok and 'not' or 'caught'", 0) == b"caught"


def test_a_script_is_found_by_its_digest_until_the_process_ends() -> None:
    desk = Desk()
    digest = desk("SCRIPT", "LOAD", "return ARGV[1]")
    assert desk("EVALSHA", digest, 0, "x") == b"x"
    with pytest.raises(SimpleError, match="NOSCRIPT"):
        Desk()("EVALSHA", digest, 0, "x")


def test_a_script_is_logged_as_its_writes() -> None:
    desk = Desk()
    desk(
        "EVAL", "redis.call('SET', 'a', redis.call('TIME')[1]) redis.call('INCR', 'b') return redis.call('GET', 'a')", 0
    )
    log = desk.log()
    assert b"SET" in log
    assert b"INCR" in log
    assert b"EVAL" not in log
    assert b"GET" not in log


def test_numbers_keep_their_digits_between_scripts_and_data() -> None:
    desk = Desk()
    desk("EVAL", "redis.call('ZADD', 'z', 1767225600123456, 'm') redis.call('SET', 'a', 1767225600123456)", 0)
    assert desk("ZSCORE", "z", "m") == b"1767225600123456"
    assert desk("GET", "a") == b"1767225600123456"
