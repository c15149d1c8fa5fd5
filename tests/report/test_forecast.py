"""What `simkit check` draws of faults that are still to come: strips for the terminal, a picture for a page."""

import pytest

from simkit.language.scenario import load_scenario
from simkit.registry import Registry
from simkit.report.forecast import strips
from simkit.report.forecast_picture import draw

FILE = """
title: x
system: task_queue
seed: 7
duration: 10min
warmup: 1min
hosts: {broker: {role: broker}, workers: {role: worker, count: 4}}
faults:
  gc:    {pause: workers-0, at: 2min, for: 3min}
  many:  {kill: any 1 of workers, every: exp(30s), for: 1s, until: 5min}
  late:  {kill: broker, at: 9min, for: 2min}
  step:  {clock_step: broker, by: 3s, at: 5min}
  once:  {kill: there, at: 2nd task.redelivered, for: 1s}
"""
STRIPS = """\
           0                   5                 10 min
gc         ........############....................   pause
many       ..~~~~~~~~~~~~~~~~~~....................   kill
late       ....................................###>   kill
step       ....................|...................   clock_step
once       ........................................   kill: 2nd task.redelivered"""


@pytest.fixture
def scenario(tmp_path):
    def load(text=FILE):
        (tmp_path / "my.yaml").write_text(text)
        return load_scenario(tmp_path / "my.yaml", registry=Registry())

    return load


def test_strips(scenario):
    assert strips(scenario(), 40) == STRIPS


def test_without_faults_there_is_nothing_to_draw(scenario):
    assert strips(scenario(FILE.partition("faults")[0])) == ""


def test_what_the_swarm_leaves_out_is_not_drawn(scenario):
    drawn = strips(scenario(FILE + "swarm: {keep: 0%, of: [gc]}\n"), 40)
    assert "gc         ........................................   pause, left out by the swarm" in drawn


def test_a_picture(scenario, tmp_path):
    draw(scenario(), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "warm-up" in text
    assert "kill: 2nd task.redelivered" in text
    draw(scenario(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="ends in"):
        draw(scenario(), tmp_path / "a.txt")
