"""The queue in small runs of its own: poison, delays, retries, priorities, results, hosts that fail at odd places."""

from pathlib import Path
from textwrap import dedent

import pytest

from simkit.explore.run import run_scenario
from simkit.observe.document import Document

HEAD = """
title: A small queue
system: task_queue
seed: 4
duration: {duration}
hosts:
  broker:  {{role: broker, disk: ssd}}
  effects: {{role: effects, disk: ssd}}
  workers: {{role: worker, count: 3}}
  clients: {{role: client, count: 2}}
network:
  default: {{rtt: {{median: 0.5ms, p99: 4ms}}}}
"""


@pytest.fixture
def play(tmp_path: Path):
    def run(body: str, duration: str = "60s") -> Document:
        path = tmp_path / "small.yaml"
        path.write_text(HEAD.format(duration=duration) + dedent(body))
        document = run_scenario(path)
        assert document.error is None, document.error
        assert document.as_declared, [(each.verdict, each.text, each.summary) for each in document.expectations]
        return document

    return run


def lines(document: Document, text: str) -> list[str]:
    return [log.text for log in document.logs if text in log.text]


def test_a_task_nobody_knows_becomes_a_dead_letter_and_kills_nobody(play) -> None:
    document = play("""
        load:
          good:   {from: clients, rate: 5/s total, service: exp(100ms), until: 40s}
          poison: {from: clients, rate: 1/s total, service: 1ms, task: nosuch, unchecked: true, until: 40s}
        expect:
          - always no_acked_task_lost
          - always accounting
          - eventually queue_drained within 10s
          - sometimes task.dead
        """)
    counts = document.event_counts
    assert counts["task.dead"] > 20
    assert counts["worker.started"] == 3
    assert counts["task.succeeded"] + counts["task.dead"] == counts["task.submitted"]


def test_a_client_that_checks_refuses_what_no_worker_knows(play) -> None:
    document = play("""
        load: {poison: {from: clients, rate: 1/s total, service: 1ms, task: nosuch, until: 40s}}
        expect: [sometimes task.refused]
        """)
    assert "task.submitted" not in document.event_counts


def test_a_task_beyond_the_brokers_limit_is_refused_and_everybody_else_goes_on(play) -> None:
    document = play("""
        config: {broker: {bulk_max: 100kB}, client: {timeout: 1s}}
        load:
          large: {from: clients-0, rate: 1/s total, service: 1ms, padding: 200kB, until: 30s, count: 1}
          good:  {from: clients-1, rate: 5/s total, service: exp(100ms), until: 40s}
        expect:
          - always no_acked_task_lost
          - eventually queue_drained within 10s
        """)
    assert document.event_counts["task.succeeded"] == document.event_counts["task.acknowledged"] > 100
    assert lines(document, "protocol error")


def test_a_task_that_is_too_large_for_a_worker_never_leaves_its_client(play) -> None:
    document = play("""
        load: {large: {from: clients, rate: 1/s total, service: 1ms, padding: 5MB, until: 20s}}
        expect: [sometimes task.refused]
        """)
    assert "task.submitted" not in document.event_counts


@pytest.mark.parametrize("jitter", ["none", "equal", "full", "decorrelated"])
def test_failing_tasks_are_tried_again_within_their_delays_and_then_buried(play, jitter: str) -> None:
    document = play(f"""
        config:
          worker: {{retry: {{base: 500ms, cap: 4s, jitter: {jitter}}}}}
          client: {{attempts_max: 3}}
        load: {{flaky: {{from: clients, rate: 4/s total, service: exp(50ms), failure: 50%, until: 40s}}}}
        expect:
          - always backoff_respected
          - always attempts_bounded
          - always no_acked_task_lost
          - always accounting
          - eventually queue_drained within 10s
          - sometimes task.retried
          - sometimes task.dead
        """)
    counts = document.event_counts
    assert counts["task.retried"] == counts["retry.planned"] - counts["task.dead"]


def test_delayed_tasks_start_at_their_time_and_not_before(play) -> None:
    document = play("""
        load: {later: {from: clients, rate: 3/s total, service: 10ms, countdown: 7s, until: 30s}}
        expect:
          - always eta_not_early
          - always no_acked_task_lost
          - sometimes task.promoted
          - task.wait p99 < 20ms in all
        """)
    assert document.event_counts["task.succeeded"] == document.event_counts["task.acknowledged"] > 60


def test_under_overload_the_urgent_pass_and_each_class_keeps_its_order(play) -> None:
    play("""
        config: {worker: {slots: 1}}
        load:
          urgent: {from: clients, rate: 1/s total, service: 1s, priority: 0, until: 40s}
          normal: {from: clients, rate: 3/s total, service: 1s, priority: 5, until: 40s}
          batch:  {from: clients, rate: 3/s total, service: 1s, priority: 9, until: 40s}
        expect:
          - always priority_order
          - always fifo_within_priority
          - always accounting
        """)


def test_a_client_can_wait_for_results(play) -> None:
    document = play("""
        config: {client: {results: true}}
        load: {asked: {from: clients, rate: 3/s total, service: exp(300ms), until: 40s}}
        expect: [always no_acked_task_lost, result.latency p99 < 5s in all]
        """)
    assert document.event_counts["task.succeeded"] > 60


def test_effects_survive_a_power_cut_of_the_world_they_change(play) -> None:
    document = play(
        """
        load: {work: {from: clients, rate: 6/s total, service: exp(300ms), until: 60s}}
        faults: {dark: {power_cut: effects, at: 20s, for: 3s}}
        expect:
          - always effect_once
          - always no_acked_task_lost
          - always terminal_state_unique
          - eventually queue_drained within 30s
          - sometimes task.retried
        """,
        duration="120s",
    )
    assert document.event_counts["effect.applied"] == document.event_counts["task.succeeded"]


def test_killed_clients_lose_nothing_that_was_acknowledged(play) -> None:
    play("""
        load: {work: {from: clients, rate: 20/s total, service: exp(100ms), until: 50s}}
        faults: {gone: {kill: clients-0, every: 7s, for: 1s, until: 40s}}
        expect:
          - always effect_once
          - always no_acked_task_lost
          - always accounting
          - eventually queue_drained within 10s
        """)


def test_a_partition_between_workers_and_broker_loses_and_doubles_nothing(play) -> None:
    document = play(
        """
        config: {worker: {lease: 10s, timeout: 2s}}
        load: {work: {from: clients, rate: 6/s total, service: exp(1s), until: 60s}}
        faults: {split: {partition: [[workers-0, workers-1], [broker]], at: 15s, for: 25s}}
        expect:
          - always effect_once
          - always no_acked_task_lost
          - always terminal_state_unique
          - always lease_exclusive
          - eventually queue_drained within 60s
          - sometimes task.redelivered
        """,
        duration="150s",
    )
    assert document.event_counts["task.succeeded"] == document.event_counts["task.submitted"]


@pytest.mark.parametrize("policy", ["always", "everysec", "never"])
def test_a_killed_broker_keeps_its_page_cache_and_with_it_every_task(play, policy: str) -> None:
    play(
        f"""
        config: {{broker: {{fsync: {policy}}}, worker: {{lease: 10s}}}}
        load: {{work: {{from: clients, rate: 6/s total, service: exp(300ms), until: 60s}}}}
        faults: {{crash: {{kill: broker, at: 20s, for: 2s}}}}
        expect:
          - always no_acked_task_lost
          - always effect_once
          - always terminal_state_unique
          - always accounting
          - eventually queue_drained within 30s
        """,
        duration="120s",
    )


def test_a_broker_that_cannot_sync_gives_up_rather_than_promise(play) -> None:
    document = play(
        """
        load: {work: {from: clients, rate: 6/s total, service: exp(300ms), until: 60s}}
        faults: {broken: {sync_fails: broker, at: 20s, for: 5s}}
        expect: [always no_acked_task_lost, always effect_once]
        """,
        duration="90s",
    )
    assert lines(document, "append-only file cannot be written")


def test_a_worker_that_is_stopped_gives_back_what_it_has_not_begun_and_finishes_the_rest(play) -> None:
    document = play("""
        config: {worker: {slots: 2, prefetch: 4, lease: 60s}}
        load: {work: {from: clients, rate: 8/s total, service: exp(500ms), until: 40s}}
        faults: {rollout: {stop: workers-0, every: 8s, for: 1s, until: 40s}}
        expect:
          - always no_acked_task_lost
          - always effect_once
          - always accounting
          - eventually queue_drained within 15s
          - sometimes task.released
        """)
    assert "task.redelivered" not in document.event_counts
