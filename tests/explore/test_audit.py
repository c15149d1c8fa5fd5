"""The audit: claims of a card tried over many seeds, from a small system with one true switch and one false one."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from simkit.card import Card, Control, Figure, Switch, law, law_of_class
from simkit.cli import main
from simkit.explore.audit import Audit, Experiment, Outcome
from simkit.explore.claims import problems
from simkit.explore.measurement import Measurement
from simkit.explore.pool import Pool
from simkit.laws import erlang, priorities
from simkit.node import Event
from simkit.observe.document import Document, ExpectationEntry, Verdict
from simkit.registry import Registry
from simkit.report.audit_table import audit_table

HERE = Path(__file__).parent
FILE = str(HERE / "greetings.yaml")
SYSTEM = ("greetings:card",)

FORGETS = Switch("config.server.forget: true", "answers are remembered", "answers_fit", FILE, "forgetful")
RATE = Figure(
    name="greetings per second",
    source="the load says so",
    published=10.0,
    statistic="greetings rate in steady",
    tolerance=0.3,
    scenario=FILE,
    unit="/s",
    seeds=4,
    items=500,
)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(HERE))
    return Registry(SYSTEM)


@pytest.fixture
def card(registry: Registry) -> Card:
    return registry.card("greetings")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(1, path=(str(HERE),)) as one:
        yield one


def audited(audit: Audit, pool: Pool) -> Audit:
    for _ in audit.carry_out(pool):
        pass
    return audit


# -- switches


def test_a_switch_passes_when_its_check_breaks_without_it_and_nothing_does_with_it(
    card: Card, registry: Registry, pool: Pool
) -> None:
    [row] = audited(Audit(card, registry, SYSTEM, switches=[FORGETS], seeds=3), pool).switch_rows()
    assert (row.broken_when_off, row.clean_when_on, row.seeds, row.verdict) == (3, 3, 3, "pass")
    assert row.share is not None
    assert row.share.interval.high == 1.0
    assert 0.4 < row.share.interval.low < 0.5
    assert list(row.as_json()) == [
        "switch", "check", "scenario", "variant", "broken_when_off", "clean_when_on", "seeds",
    ]  # fmt: skip


def test_a_switch_whose_check_does_not_break_fails_and_shows_how_to_see_it(
    card: Card, registry: Registry, pool: Pool, tmp_path: Path
) -> None:
    harmless = tmp_path / "harmless.yaml"
    text = Path(FILE).read_text(encoding="utf-8").replace("config.server.forget: true", "config.client.timeout: 2s")
    harmless.write_text(text, encoding="utf-8")
    switch = Switch("config.client.timeout: 2s", "patience", "answers_fit", str(harmless), "forgetful")
    audit = audited(Audit(card, registry, SYSTEM, switches=[switch], seeds=2), pool)
    [row] = audit.switch_rows()
    assert (row.broken_when_off, row.clean_when_on, row.verdict) == (0, 2, "fail")
    assert row.surprises[0].text == "answers_fit did not break"
    assert row.surprises[0].command == f"simkit run {harmless} --variant forgetful --seed 7 --system greetings:card"
    assert audit.exit_code() == 1


def test_a_run_without_the_protection_ends_when_the_check_is_broken(card: Card, registry: Registry, pool: Pool) -> None:
    audit = audited(Audit(card, registry, SYSTEM, switches=[FORGETS], seeds=2), pool)
    for experiment, outcome in audit.outcomes.items():
        ended_ns = outcome.document.ended_ns
        assert ended_ns is None if experiment.variant is None else 0 < (ended_ns or 0) < 10 * 10**9
    figure = replace(RATE, variant="forgetful", items=0, seeds=2)
    both = audited(Audit(card, registry, SYSTEM, switches=[FORGETS], figures=[figure], seeds=2), pool)
    assert all(outcome.document.ended_ns is None for outcome in both.outcomes.values()), "a figure needs them whole"


def test_a_false_alarm_with_the_protection_on_fails_the_switch(
    card: Card, registry: Registry, pool: Pool, tmp_path: Path
) -> None:
    strict = tmp_path / "strict.yaml"
    text = Path(FILE).read_text(encoding="utf-8").replace("p99 < 1s", "p99 < 1ms")
    strict.write_text(text, encoding="utf-8")
    [row] = audited(
        Audit(card, registry, SYSTEM, switches=[replace(FORGETS, scenario=str(strict))], seeds=2), pool
    ).switch_rows()
    assert (row.broken_when_off, row.clean_when_on, row.verdict) == (2, 0, "fail")
    assert row.surprises[0].text.startswith("greeting.latency p99 < 1ms")


def test_a_crash_is_an_error_of_the_row(card: Card, registry: Registry, pool: Pool) -> None:
    figure = replace(RATE, overrides=("config.client.rude_at=5",), seeds=2)
    audit = audited(Audit(card, registry, SYSTEM, figures=[figure]), pool)
    assert audit.figure_rows()[0].verdict == "error"
    assert audit.exit_code() == 4


# -- figures


def test_a_figure_is_measured_over_independent_seeds(card: Card, registry: Registry, pool: Pool) -> None:
    audit = audited(Audit(card, registry, SYSTEM, figures=[RATE]), pool)
    [row] = audit.figure_rows()
    assert row.result is not None
    assert (row.seeds, row.result.count, row.verdict) == (4, 4, "pass")
    assert row.items > 500
    assert row.result.interval.low < row.result.measured < row.result.interval.high
    [line] = audit.as_json()["figures"]
    assert list(line) == ["figure", "source", "published", "measured", "interval", "tolerance", "verdict"]
    assert line["interval"] == [row.result.interval.low, row.result.interval.high]


def test_a_wrong_number_fails_and_a_wide_interval_says_how_many_seeds_it_needs(
    card: Card, registry: Registry, pool: Pool
) -> None:
    figures = [replace(RATE, name="wrong", published=20.0), replace(RATE, name="narrow", tolerance=0.0001)]
    audit = audited(Audit(card, registry, SYSTEM, figures=figures, seeds=3), pool)
    wrong, narrow = audit.figure_rows()
    assert wrong.verdict == "fail"
    assert narrow.verdict == "unknown"
    assert narrow.seeds_needed is not None
    assert narrow.seeds_needed > 3
    assert len(audit.experiments) == 3, "both figures are measured in the same runs"


def test_too_few_items_leave_a_figure_unknown(card: Card, registry: Registry, pool: Pool) -> None:
    audit = audited(Audit(card, registry, SYSTEM, figures=[replace(RATE, items=100_000)]), pool)
    [row] = audit.figure_rows()
    assert row.verdict == "unknown"
    assert row.seeds_needed == pytest.approx(4 * 100_000 / row.items, abs=1)
    assert audit.exit_code() == 3


# -- figures with a control


class Unheard(Event, tag="greeting.unheard"):
    """What no server says."""


@pytest.fixture
def answers(card: Card) -> Control:
    function = sys.modules["greetings"].answers_per_s
    return Control(function, {}, (card.events[1],), expected=10.0)


def test_a_control_takes_off_what_the_draws_were_too_high_by(
    card: Card, answers: Control, registry: Registry, pool: Pool
) -> None:
    audit = audited(Audit(card, registry, SYSTEM, figures=[RATE, replace(RATE, name="same", control=answers)]), pool)
    alone, same = audit.figure_rows()
    assert alone.result is not None
    assert same.result is not None
    assert same.controlled is not None
    assert same.controlled.plain.interval == alone.result.interval
    assert same.result.half_width < alone.result.half_width / 5
    assert same.verdict == "pass"
    line = audit.as_json()["figures"][1]["control"]
    assert list(line) == ["model", "slope", "expected", "measured", "interval", "plain", "plain_interval"]
    assert line["plain"] == alone.result.measured
    assert "control greetings.answers_per_s():" in audit_table(audit)


def test_runs_that_did_not_draw_what_the_control_supposes_are_no_evidence(
    card: Card, answers: Control, registry: Registry, pool: Pool
) -> None:
    figure = replace(RATE, published=40.0, control=replace(answers, expected=40.0), items=0)
    audit = audited(Audit(card, registry, SYSTEM, figures=[figure]), pool)
    [row] = audit.figure_rows()
    assert row.result is not None
    assert row.result.verdict == "pass", "the correction hides the wrong rate, so it must not count"
    assert row.verdict == "unknown"
    assert "the runs did not draw what the control supposes" in audit_table(audit)
    assert "seeds would decide" not in audit_table(audit)


def test_a_control_that_cannot_be_worked_out_is_found(card: Card, answers: Control, registry: Registry) -> None:
    wrong = {
        "to hear greeting.unheard, which greetings does not emit": replace(answers, events=(Unheard,)),
        "has to stand at the top level of a module": replace(answers, function=lambda heard, window: 1.0),
        "the control's expectation: ": replace(answers, expected=law(erlang.mean_wait_s, server=8)),
    }
    for problem, control in wrong.items():
        assert problem in "\n".join(problems(replace(card, figures=(replace(RATE, control=control),)), registry))
    assert problems(replace(card, figures=(replace(RATE, control=answers),)), registry) == []


# -- what a figure may say


def test_a_law_is_shown_as_one_would_type_it_and_gives_its_number() -> None:
    wait = law(erlang.mean_wait_s, servers=8, arrivals_per_s=7, service_s=1)
    assert wait.in_words() == "erlang.mean_wait_s(servers=8, arrivals_per_s=7, service_s=1)"
    assert wait.value() == pytest.approx(0.63532, abs=1e-5)
    low = law_of_class(2, priorities.mean_waits_s, servers=8, arrivals_per_s=(2, 3, 2), service_s=1)
    assert low.in_words() == "priorities.mean_waits_s(servers=8, arrivals_per_s=(2, 3, 2), service_s=1)[2]"
    assert replace(RATE, published=low).value == pytest.approx(1.69418, abs=1e-5)


def test_a_statistic_takes_a_window_labels_and_a_divisor() -> None:
    read = Measurement.parse("task.wait p99 in steady where priority=0, kind=resize / tasks count")
    assert read.quantity.labels == (("kind", "resize"), ("priority", "0"))
    assert read.quantity.window == "steady"
    assert read.quantity.count() == "task.wait count in steady where kind=resize, priority=0"
    assert read.divisor is not None
    assert read.divisor.window == "all"


@pytest.mark.parametrize("text", ["task.wait", "task.wait mean in summer", "task.wait mean where priority", "a b c d"])
def test_a_statistic_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read|unknown window"):
        Measurement.parse(text)


# -- cards that claim what cannot be tried


def test_a_sound_card_has_no_problems(card: Card, registry: Registry) -> None:
    assert problems(replace(card, switches=(FORGETS,), figures=(RATE,)), registry) == []


@pytest.mark.parametrize(
    ("switch", "problem"),
    [
        (replace(FORGETS, check="answers_fitt"), "unknown check `answers_fitt`; nearest: `answers_fit`"),
        (replace(FORGETS, scenario="nowhere/else"), "no such file, and no installed scenario"),
        (replace(FORGETS, variant="forgetfull"), "unknown variant `forgetfull`"),
        (replace(FORGETS, setting="config.server.deaf: true"), "does not set it"),
        (replace(FORGETS, setting="config.server.forget: false"), "sets config.server.forget to True"),
        (replace(FORGETS, setting="config.server.forget"), "write `PATH: VALUE`"),
    ],
)
def test_a_switch_that_names_something_wrongly_is_found(
    switch: Switch, problem: str, card: Card, registry: Registry
) -> None:
    assert problem in "\n".join(problems(replace(card, switches=(switch,)), registry))


@pytest.mark.parametrize(
    ("figure", "problem"),
    [
        (replace(RATE, statistic="greeting mean"), "unknown metric `greeting`; nearest: `greetings`"),
        (replace(RATE, statistic="greetings p99"), "greetings is a counter and has count rate, no `p99`"),
        (replace(RATE, scenario="nowhere/else"), "no such file, and no installed scenario"),
        (replace(RATE, overrides=("faults.cut.fro=1s",)), "fro"),
        (replace(RATE, tolerance=4), "0.04 for 4%"),
        (replace(RATE, seeds=1), "at least 2"),
        (replace(RATE, published=law(erlang.mean_wait_s, servers=8, arrivals_per_s=9, service_s=1)), "erlang.mean_"),
        (replace(RATE, published=law(erlang.mean_wait_s, server=8)), "unexpected keyword"),
    ],
)
def test_a_figure_that_names_something_wrongly_is_found(
    figure: Figure, problem: str, card: Card, registry: Registry
) -> None:
    assert problem in "\n".join(problems(replace(card, figures=(figure,)), registry))


def test_rows_that_stand_there_twice_are_found(card: Card, registry: Registry) -> None:
    twice = replace(card, switches=(FORGETS, FORGETS), figures=(RATE, RATE))
    assert len(problems(twice, registry)) == 2


@pytest.mark.parametrize("system", Registry().systems())
def test_every_installed_card_claims_only_what_can_be_tried(system: str) -> None:
    registry = Registry()
    assert problems(registry.card(system), registry) == []


# -- the command

TABLE = """\
greetings: Clients greet a server

         switch                       check        scenario  variant    broken when off   clean when on  seeds
pass     config.server.forget: true   answers_fit  g         forgetful  4 of 4 (51-100%)  4 of 4         4
FAIL     config.server.forget: false  answers_fit  g         other      3 of 4 (30-95%)   4 of 4         4
         seed 10: answers_fit did not break   simkit run g.yaml --variant other --seed 10 --system greetings:card

         figure                published  measured  95% interval      tolerance  seeds  items
unknown  greetings per second  10 /s      10.5 /s   8.4457 to 12.554  ±25%       4      420
         the load says so
         420 items are too few: the figure asks for 500
         about 5 seeds would decide
FAIL     wait                  0.63532 s  10.5 s    8.4457 to 12.554  ±4%        4      420
         A. K. Erlang (1917)  erlang.mean_wait_s(servers=8, arrivals_per_s=7, service_s=1)

2 switches: 1 pass, 1 fail · 2 figures: 1 fail, 1 unknown · 16 of 16 runs with 8 s of work
"""


def answered(experiment: Experiment, verdict: Verdict) -> Outcome:
    """What a run of greetings would have given."""
    line = ExpectationEntry(
        text="fails answers_fit" if experiment.variant else "always answers_fit",
        kind="fails" if experiment.variant else "always",
        subject="answers_fit",
        verdict=verdict,
        as_declared=(verdict == "fail") == (experiment.variant is not None),
    )
    document = Document(
        scenario="greetings", seed=experiment.seed, duration_ns=1, verdict=verdict, expectations=(line,)
    )
    rate = 9.0 + experiment.seed - 7
    return Outcome(document, {RATE.statistic: rate, "greetings count in steady": 10 * rate})


def test_the_table_is_aligned_and_says_what_each_row_rests_on(
    card: Card, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(FILE).read_text(encoding="utf-8")
    text += "  other: {set: {config.server.forget: false}, expect: [fails answers_fit]}\n"
    (tmp_path / "g.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    file = str(tmp_path / "g.yaml")
    kept = replace(FORGETS, scenario=file)
    other = replace(FORGETS, setting="config.server.forget: false", scenario=file, variant="other")
    rate = replace(RATE, scenario=file, tolerance=0.25, overrides=("title=for the rate",))
    wait = law(erlang.mean_wait_s, servers=8, arrivals_per_s=7, service_s=1)
    wrong = replace(rate, name="wait", source="A. K. Erlang (1917)", published=wait, tolerance=0.04, unit="s", items=0)
    audit = Audit(card, registry, SYSTEM, switches=[kept, other], figures=[rate, wrong], seeds=4)
    for each in audit.experiments:
        verdict: Verdict = "fail" if each.variant else "pass"
        audit.outcomes[each] = answered(each, verdict)
        audit.wall_seconds += 0.5
        if (each.variant, each.seed) == ("other", 10):
            audit.outcomes[each] = answered(each, "pass")
    assert audit_table(audit) == TABLE
    assert "\x1b[1;31mFAIL   \x1b[0m  config" in audit_table(audit, color=True)


def test_what_was_not_measured_is_unknown(card: Card, registry: Registry) -> None:
    figure = replace(RATE, overrides=("title=for the rate",))
    audit = Audit(card, registry, SYSTEM, switches=[FORGETS], figures=[figure], seeds=3)
    for each in audit.experiments[:5]:  # two pairs, and one run of the third
        audit.outcomes[each] = answered(each, "fail" if each.variant else "pass")
    [switch_row], [figure_row] = audit.switch_rows(), audit.figure_rows()
    assert (switch_row.seeds, switch_row.wanted, switch_row.broken_when_off) == (2, 3, 2)
    assert switch_row.verdict == "unknown"
    assert (figure_row.seeds, figure_row.result, figure_row.verdict) == (0, None, "unknown")
    assert audit.as_json()["figures"][0]["measured"] is None
    assert "2 of 3 seeds were measured" in audit_table(audit)
    assert audit.exit_code() == 3


def test_the_command_tries_a_card_and_says_so_by_its_exit_code(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE)
    done = CliRunner().invoke(main, ["audit", "greetings", "--system", "greetings:card", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"switches": [], "figures": []}


def test_the_command_refuses_what_it_cannot_try(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["audit", "nothing_of_that_name"])
    assert done.exit_code == 2
    assert "no system is called `nothing_of_that_name`; there are " in done.stderr
    lines = ["from dataclasses import replace", "from simkit.card import Switch", "from greetings import card as good"]
    lines.append('card = replace(good, switches=(Switch("a: 1", "", "b", "no/where", "v"),))')
    (tmp_path / "boastful.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["audit", "greetings", "--system", "boastful:card"])
    sys.modules.pop("boastful")
    assert done.exit_code == 2
    assert "claims what cannot be tried; nothing was run" in done.stderr
    assert "switch `a: 1`: unknown check `b`" in done.stderr
