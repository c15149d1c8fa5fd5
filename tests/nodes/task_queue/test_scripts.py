"""The protocol, rule by rule: what each script does to a queue, seen through the replies clients and workers get."""

import json
from typing import Any

import pytest
from fakeredis._helpers import SimpleError
from hypothesis import given, settings
from hypothesis import strategies as st
from redis_hosts import Desk

from simkit_nodes.blocks.redis_host.append_only_file import Replay, batch_of
from simkit_nodes.task_queue.scripts import DIGESTS, NAMES, SCRIPTS

BODY = b'{"name":"work","args":{"service_ns":1}}'
LEASE_US = 60_000_000


class Queue:
    """The scripts on an engine, with a clock set by hand."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.pass_seconds = self.desk.clock.pass_seconds
        for script in SCRIPTS.values():
            self.desk("SCRIPT", "LOAD", script.source)

    def call(self, name: str, *words: bytes | str | float) -> list[Any]:
        return self.desk("EVALSHA", DIGESTS[name], 0, *words)

    def enqueue(
        self, *tasks: str, priority: float = 5, countdown: Any = 0, attempts: Any = 3, body: bytes = BODY
    ) -> list[str]:
        words = [word for task in tasks for word in (task, priority, countdown, attempts, body)]
        return [verdict.decode() for verdict in self.call("enqueue", *words)[1:]]

    def lease(self, worker: str = "w", count: int = 1, mode: str = "late") -> list[tuple[str, int, int]]:
        """Leased tasks as (id, token, attempt)."""
        reply = self.call("lease", worker, count, LEASE_US, mode)
        return [(task.decode(), token, attempt) for task, token, attempt, *_ in reply[2:]]

    def settle(
        self, task: str, token: Any, kind: str = "success", text: str = "", *, delay: int = 0, worker: str = "w"
    ) -> str:
        return self.call("settle", worker, 0, task, token, kind, delay, text)[1][0].decode()

    def state(self, task: str) -> str | None:
        reply = self.call("result", task)
        return None if reply is None else reply[0].decode()

    def history(self, task: str) -> list[str]:
        return self.call("result", task)[3].decode().splitlines()

    def books(self) -> dict[str, int]:
        reply = self.call("depths")
        names = ("delayed", "processing", "dead_letters", "submitted", "success", "failure", "dead", "taken")
        return {"ready": sum(reply[1:11]), **dict(zip(names, reply[11:], strict=True))}


@pytest.fixture
def queue() -> Queue:
    return Queue()


def test_every_script_has_its_own_digest() -> None:
    assert len(NAMES) == len(SCRIPTS)


# Enqueue


def test_tasks_come_out_in_the_order_in_which_they_went_in(queue: Queue) -> None:
    names = [f"t{number}" for number in range(10)]
    assert queue.enqueue(*names) == ["queued"] * 10
    assert [task for task, *_ in queue.lease(count=10)] == names


def test_the_most_urgent_come_first(queue: Queue) -> None:
    for priority in (5, 9, 0, 3):
        queue.enqueue(f"p{priority}a", f"p{priority}b", priority=priority)
    assert [task for task, *_ in queue.lease(count=7)] == ["p0a", "p0b", "p3a", "p3b", "p5a", "p5b", "p9a"]
    assert [task for task, *_ in queue.lease(count=7)] == ["p9b"]


def test_enqueueing_again_changes_nothing_at_any_time_of_a_tasks_life(queue: Queue) -> None:
    assert queue.enqueue("t", "t") == ["queued", "duplicate"]
    [(task, token, _)] = queue.lease(count=5)
    assert queue.enqueue("t") == ["duplicate"]
    queue.settle(task, token)
    assert queue.enqueue("t", priority=1) == ["duplicate"]
    assert queue.lease(count=5) == []
    assert queue.books()["submitted"] == 1


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"priority": 99}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"priority": "nan"}, "priority"),
        ({"countdown": -1}, "countdown"),
        ({"countdown": "nan"}, "countdown"),
        ({"countdown": "inf"}, "countdown"),
        ({"countdown": "soon"}, "countdown"),
        ({"attempts": 0}, "attempts"),
        ({"attempts": "2.5"}, "attempts"),
        ({"attempts": 10**9}, "attempts"),
        ({"body": b"\xff\xfe not json"}, "JSON"),
        ({"body": b""}, "JSON"),
    ],
)
def test_a_bad_envelope_is_refused_with_a_reason_and_leaves_no_trace(
    queue: Queue, bad: dict[str, Any], why: str
) -> None:
    (verdict,) = queue.enqueue("t", **bad)
    assert verdict.startswith("refused: ")
    assert why in verdict
    assert queue.state("t") is None
    assert set(queue.books().values()) == {0}


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_bad_id_is_refused(queue: Queue, name: str) -> None:
    assert queue.enqueue(name)[0].startswith("refused: a task id")


def test_a_batch_is_judged_task_by_task(queue: Queue) -> None:
    words = ["a", 5, 0, 3, BODY, "b", 77, 0, 3, BODY, "c", 5, 0, 3, BODY]
    assert [verdict[:7] for verdict in queue.call("enqueue", *words)[1:]] == [b"queued", b"refused", b"queued"]


def test_an_enqueue_rings_the_bell_once(queue: Queue) -> None:
    queue.enqueue("a", "b")
    assert queue.desk("BZPOPMIN", "tq:bell", 0) is not None
    assert queue.desk("ZCARD", "tq:bell") == 0


# Lease and settle


def test_tokens_grow_with_every_lease(queue: Queue) -> None:
    queue.enqueue("a", "b", "c")
    assert [token for _, token, _ in queue.lease(count=2)] == [1, 2]
    queue.pass_seconds(61)
    queue.call("sweep", 10)
    tokens = [token for _, token, _ in queue.lease(count=3)]
    assert tokens == sorted(tokens)
    assert min(tokens) > 2


def test_a_lease_that_took_its_fill_rings_the_bell_for_the_next_worker(queue: Queue) -> None:
    queue.enqueue("a", "b", "c")
    queue.desk("DEL", "tq:bell")
    queue.lease(count=2)
    assert queue.desk("ZCARD", "tq:bell") == 1
    queue.desk("DEL", "tq:bell")
    queue.lease(count=2)
    assert queue.desk("ZCARD", "tq:bell") == 0


def test_a_result_is_stored_once(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease()
    assert queue.settle("t", token, "success", json.dumps({"x": 1})) == "success"
    assert queue.settle("t", token, "failure", "no") == "already"
    assert queue.call("result", "t")[:3] == [b"success", 1, b'{"x": 1}']
    assert queue.books()["success"] == 1


def test_only_the_holder_with_the_current_token_is_believed(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, old, _)] = queue.lease("slow")
    queue.pass_seconds(61)
    queue.call("sweep", 10)
    assert queue.settle("t", old, worker="slow") == "stale", "it is in the queue again"
    [(_, new, attempt)] = queue.lease("fast")
    assert attempt == 2
    assert queue.settle("t", old, worker="slow") == "stale"
    assert queue.settle("t", new, worker="slow") == "stale"
    assert queue.settle("t", new, worker="fast") == "success"


def test_without_a_token_anybody_is_believed_but_the_first_end_stands(queue: Queue) -> None:
    queue.enqueue("t")
    queue.lease("slow")
    queue.pass_seconds(61)
    queue.call("sweep", 10)
    queue.lease("fast")
    assert queue.settle("t", "", worker="slow") == "success"
    assert queue.settle("t", "", worker="fast") == "already"
    assert queue.books()["processing"] == 0


def test_an_end_while_queued_again_takes_the_task_out_of_the_queue(queue: Queue) -> None:
    queue.enqueue("t")
    queue.lease("slow")
    queue.pass_seconds(61)
    queue.call("sweep", 10)
    assert queue.settle("t", "", worker="slow") == "success"
    assert queue.lease("fast") == []


def test_what_is_not_known_is_said_to_be_unknown(queue: Queue) -> None:
    assert queue.settle("nosuch", 1) == "unknown"
    assert queue.state("nosuch") is None


def test_two_outcomes_of_one_task_in_one_batch_count_once(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease()
    reply = queue.call("settle", "w", 0, "t", token, "success", 0, "", "t", token, "failure", 0, "")
    assert [verdict for verdict, *_ in reply[1:]] == [b"success", b"already"]
    assert queue.books()["success"] == 1
    assert queue.books()["failure"] == 0


def test_a_released_task_is_ready_again_and_its_attempt_did_not_count(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease()
    assert queue.settle("t", token, "release") == "release"
    assert [attempt for _, _, attempt in queue.lease()] == [1]


def test_an_early_lease_leaves_nothing_to_take_back(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease(mode="early")
    assert queue.books()["processing"] == 0
    assert queue.books()["taken"] == 1
    queue.pass_seconds(1000)
    assert len(queue.call("sweep", 10)) == 1
    assert queue.settle("t", token) == "success"
    assert queue.books()["taken"] == 0


def test_old_results_are_forgotten_and_an_id_may_then_be_used_again(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease()
    queue.call("settle", "w", 5_000_000, "t", token, "success", 0, "")
    queue.pass_seconds(4)
    queue.call("sweep", 10)
    assert queue.state("t") == "success"
    queue.pass_seconds(2)
    queue.call("sweep", 10)
    assert queue.state("t") is None
    assert queue.enqueue("t") == ["queued"]


# Heartbeats and the sweeper


def test_a_heartbeat_keeps_a_lease_and_its_lack_loses_it(queue: Queue) -> None:
    queue.enqueue("kept", "lost")
    [(_, kept, _), (_, lost, _)] = queue.lease(count=2)
    queue.pass_seconds(40)
    assert queue.call("extend", "w", LEASE_US, "kept", kept)[2:] == [1]
    queue.pass_seconds(40)
    assert [task for task, *_ in queue.call("sweep", 10)[1:]] == [b"lost"]
    assert queue.call("extend", "w", LEASE_US, "kept", kept, "lost", lost)[2:] == [1, 0]


def test_a_heartbeat_of_another_or_with_an_old_token_does_nothing(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease()
    assert queue.call("extend", "other", LEASE_US, "t", token)[2:] == [0]
    assert queue.call("extend", "w", LEASE_US, "t", token + 1)[2:] == [0]
    assert queue.call("extend", "w", LEASE_US, "t", "", "nosuch", 1)[2:] == [1, 0]


def test_a_lease_is_valid_up_to_its_deadline_and_not_after(queue: Queue) -> None:
    queue.enqueue("t")
    queue.lease()
    queue.pass_seconds(60)
    assert len(queue.call("sweep", 10)) == 1
    queue.pass_seconds(0.000001)
    assert queue.call("sweep", 10)[1][:3] == [b"t", b"requeued", 1]


def test_after_the_last_attempt_comes_the_dead_letter_with_its_history(queue: Queue) -> None:
    queue.enqueue("t", attempts=2)
    [(_, token, _)] = queue.lease("one")
    assert queue.settle("t", token, "retry", "it broke", delay=1_000_000, worker="one") == "retry"
    queue.pass_seconds(2)
    queue.call("promote", 10)
    queue.lease("two")
    queue.pass_seconds(61)
    assert queue.call("sweep", 10)[1][:4] == [b"t", b"dead", 2, b"two"]
    assert queue.state("t") == "dead"
    first, second = queue.history("t")
    assert first.startswith("1 one ")
    assert first.endswith("retry: it broke")
    assert second.startswith("2 two ")
    assert second.endswith("lease expired")
    assert queue.books()["dead_letters"] == 1


def test_a_retry_beyond_the_last_attempt_is_a_dead_letter(queue: Queue) -> None:
    queue.enqueue("t", attempts=1)
    [(_, token, _)] = queue.lease()
    assert queue.settle("t", token, "retry", "it broke", delay=5) == "dead"
    assert queue.books()["delayed"] == 0


def test_a_redriven_letter_starts_over_with_its_history(queue: Queue) -> None:
    queue.enqueue("t", "u", attempts=1)
    for task, token, _ in queue.lease(count=2):
        queue.settle(task, token, "dead", "poison")
        queue.pass_seconds(1)
    assert queue.call("redrive", 1)[1:] == [b"t"]
    [(task, token, attempt)] = queue.lease()
    assert (task, attempt) == ("t", 1)
    assert queue.settle(task, token) == "success"
    assert len(queue.history("t")) == 2
    assert queue.books()["dead"] == queue.books()["dead_letters"] == 1


# Delayed tasks


def test_a_delayed_task_waits_for_its_time_to_the_microsecond(queue: Queue) -> None:
    assert queue.enqueue("t", countdown=1_500_000) == ["delayed"]
    assert queue.lease() == []
    queue.pass_seconds(1.499999)
    reply = queue.call("promote", 10)
    assert reply[2:] == []
    assert reply[1] - reply[0] == 1
    queue.pass_seconds(0.000001)
    assert [task for task, *_ in queue.call("promote", 10)[2:]] == [b"t"]
    assert [task for task, *_ in queue.lease()] == ["t"]


def test_promotion_says_when_the_next_is_due(queue: Queue) -> None:
    assert queue.call("promote", 10)[1] == 0
    queue.enqueue("a", countdown=1_000_000)
    queue.enqueue("b", countdown=3_000_000)
    queue.pass_seconds(2)
    reply = queue.call("promote", 1)
    assert reply[1] - reply[0] == 1_000_000


def test_the_last_delay_comes_back_with_the_lease(queue: Queue) -> None:
    queue.enqueue("t")
    [(_, token, _)] = queue.lease()
    queue.settle("t", token, "retry", "x", delay=250_000)
    queue.pass_seconds(1)
    queue.call("promote", 10)
    assert queue.call("lease", "w", 1, LEASE_US, "late")[2][5] == b"250000"


def test_a_script_error_is_a_typed_error_and_changes_nothing(queue: Queue) -> None:
    before = queue.books()
    for name, words in (("lease", []), ("lease", ["w", "x", "y", "z"]), ("settle", ["w"]), ("extend", ["w"])):
        with pytest.raises(SimpleError):
            queue.call(name, *words)
    assert queue.books() == before


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enqueue"), st.integers(0, 11), st.integers(0, 2), st.sampled_from([0, 3_000_000])),
        st.tuples(st.just("lease"), st.integers(1, 3), st.sampled_from(["late", "early"])),
        st.tuples(
            st.just("settle"),
            st.sampled_from(["success", "failure", "retry", "dead", "release"]),
            st.booleans(),
            st.integers(0, 5),
        ),
        st.tuples(st.just("promote")),
        st.tuples(st.just("sweep")),
        st.tuples(st.just("redrive")),
        st.tuples(st.just("pass"), st.sampled_from([1.0, 40.0, 100.0])),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_happens_the_books_balance_and_a_replay_has_the_same_queue(steps: list[tuple[Any, ...]]) -> None:
    queue = Queue()
    held: list[tuple[str, int]] = []
    log = b""
    for kind, *given_words in steps:
        if kind == "enqueue":
            number, priority, countdown = given_words
            queue.enqueue(f"t{number}", priority=priority, countdown=countdown)
        elif kind == "lease":
            held += [(task, token) for task, token, _ in queue.lease(count=given_words[0], mode=given_words[1])]
        elif kind == "settle" and held:
            outcome, guarded, index = given_words
            task, token = held.pop(index % len(held))
            queue.settle(task, token if guarded else "", outcome, "text", delay=2_000_000)
        elif kind == "pass":
            queue.pass_seconds(given_words[0])
        elif kind in ("promote", "sweep", "redrive"):
            queue.call(kind, 5)
        log += queue.desk.log()
        books = queue.books()
        ended = books["success"] + books["failure"] + books["dead"]
        pending = books["ready"] + books["delayed"] + books["processing"] + books["taken"]
        states = queue.desk.engine.dbs[0].get(b"tq:state")
        live = [record.split(b" ")[0].decode() for record in (states.value.values() if states else [])]
        assert books["submitted"] == len(live)
        assert ended == sum(state in ("success", "failure", "dead") for state in live)
        for place, state in (("processing", "leased"), ("taken", "taken"), ("delayed", "delayed"), ("ready", "ready")):
            assert books[place] == live.count(state)
        assert ended + pending == books["submitted"]

    again = Queue()
    again.desk.log()
    again.desk.engine.loading = True
    assert Replay(again.desk.client.execute).feed(batch_of(log))
    again.desk.engine.loading = False
    again.desk.clock.now_ns = queue.desk.clock.now_ns
    assert again.books() == queue.books()
