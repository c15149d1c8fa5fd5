"""Plots at work: they see the run's events, and one that raises spoils nothing."""

from dataclasses import replace
from pathlib import Path

from simkit.explore.run import Run
from simkit.language.scenario import load_scenario
from simkit.node import Event
from simkit.plot import Picture, Plot, sees
from simkit.registry import Registry
from simkit_nodes.task_queue.events import TaskSubmitted


class Count(Plot):
    """How many tasks were stored."""

    name = "count"
    title = "Tasks"

    def __init__(self) -> None:
        self.seen = 0
        self.slots = 0

    def prepare(self, config: object) -> None:
        self.slots = config["worker"].slots  # type: ignore[index]

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: Event) -> None:
        self.seen += 1

    def picture(self, end_ns: int) -> Picture:
        return Picture(name=self.name, title=self.title, bars=(("stored", float(self.seen)), ("slots", self.slots)))


class Crash(Count):
    """A figure with a mistake in it."""

    name = "crash"

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: Event) -> None:
        raise KeyError(host)


def test_plots_watch_a_run_that_leaves_a_folder_and_a_broken_one_is_named(tmp_path: Path) -> None:
    registry = Registry()
    shorter = ["duration=60s", "warmup=0s", "load.resize.until=30s", "load.resize.rate=2/s total"]
    scenario = load_scenario("task_queue/steady", overrides=shorter, registry=registry)
    card = replace(registry.card("task_queue"), plots=(Count, Crash))
    document = Run(scenario, card, folder=tmp_path).execute()
    [picture] = document.pictures
    stored, slots = (height for _, height in picture.bars)
    assert stored == document.event_counts["task.submitted"] > 0
    assert slots == 1
    assert "figure crash, KeyError: 'broker'" in document.left_out
    assert Run(scenario, card).execute().pictures == ()
