"""The generated part of a system's page."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from simkit.card import Card, Figure, law
from simkit.cli import main
from simkit.explore.templates.replicated_counter.card import card
from simkit.laws import erlang
from simkit.registry import Registry
from simkit.report.system_page import BEGIN, END, renewed, system_page, write_page

FIGURE = Figure(
    name="mean wait, M/M/8",
    source="A. K. Erlang (1917)",
    published=law(erlang.mean_wait_s, servers=8, arrivals_per_s=7, service_s=1),
    statistic="add.latency mean in steady",
    tolerance=0.04,
    scenario="somewhere/steady",
    variant="calm",
    unit="s",
    seeds=20,
    items=200_000,
)


class OneSystem(Registry):
    """A registry that knows one card."""

    def __init__(self, only: Card) -> None:
        super().__init__()
        self._own = {only.name: only}


@pytest.fixture
def registry() -> Registry:
    return OneSystem(replace(card, figures=(FIGURE,)))


def test_everything_on_the_card_has_its_section(registry: Registry) -> None:
    page = system_page(registry, card.name)
    heads = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    assert heads == [
        "Roles", "`config.replica`", "`config.client`", "An entry of `load:`", "Checks", "Events", "Metrics",
        "Switches", "Figures",
    ]  # fmt: skip


def test_rows_carry_the_lines_of_the_code(registry: Registry) -> None:
    lines = system_page(registry, card.name).splitlines()
    assert "| `client` | asks any replica to count one | yes |" in lines
    assert (
        "| `copies` | How many replicas must know of an add before it is acknowledged; 1 is the replica itself | `2` |"
        in lines
    )
    assert "| `add.acknowledged` | A client was told that its add is counted. |" in lines
    assert "| `add.latency` | histogram | s | from asking to the acknowledgement |" in lines
    assert (
        "| `config.replica.copies: 1` | an acknowledged add is in more than one memory | `no_add_lost` "
        "| `scenario.yaml` | `one_copy` |" in lines
    ), "a scenario outside the library is named without the folders of this machine"


def test_a_figure_shows_its_law_and_its_experiment(registry: Registry) -> None:
    assert (
        "| mean wait, M/M/8 | 0.63532 s = `erlang.mean_wait_s(servers=8, arrivals_per_s=7, service_s=1)` | ±4% "
        "| A. K. Erlang (1917) | `add.latency mean in steady` | `somewhere/steady`, `calm` "
        "| 20, at least 200,000 items |"
    ) in system_page(registry, card.name).splitlines()


def test_only_the_generated_part_of_a_page_changes() -> None:
    fresh = f"{BEGIN}\n\nnew\n{END}\n"
    assert renewed(f"# Title\n\nabove\n\n{BEGIN}\nold\n{END}\n\nbelow\n", fresh) == (
        f"# Title\n\nabove\n\n{BEGIN}\n\nnew\n{END}\n\nbelow\n"
    )
    assert renewed("# Title\n", fresh) == f"# Title\n\n{fresh}"
    assert renewed(renewed("# Title\n", fresh), fresh) == f"# Title\n\n{fresh}"


@pytest.mark.parametrize("page", [f"# Title\n{BEGIN}\n", f"# Title\n{END}\n", f"{END}\n{BEGIN}\n"])
def test_a_page_with_half_of_the_comments_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="one of the two comments"):
        renewed(page, f"{BEGIN}\n{END}\n")


def test_a_page_is_begun_and_renewed_in_its_place(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    write_page(registry, card.name, path)
    first = path.read_text(encoding="utf-8")
    assert first.startswith(f"# {card.title}\n\n{BEGIN}\n")
    write_page(registry, card.name, path)
    assert path.read_text(encoding="utf-8") == first


def test_the_command_prints_it_or_puts_it_in_its_place(tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["check", "--system-page", "task_queue"])
    assert printed.exit_code == 0
    assert "| `task_queue/steady` | Steady state |" in printed.stdout.splitlines()
    page = tmp_path / "task_queue.md"
    page.write_text(f"# Mine\n\n{BEGIN}\n{END}\n\nbelow\n", encoding="utf-8")
    assert CliRunner().invoke(main, ["check", "--system-page", "task_queue", "--into", str(page)]).exit_code == 0
    assert page.read_text(encoding="utf-8") == f"# Mine\n\n{printed.stdout.rstrip()}\n\nbelow\n"


def test_the_command_refuses_a_system_that_is_not_there() -> None:
    done = CliRunner().invoke(main, ["check", "--system-page", "nothing"])
    assert done.exit_code == 2
    assert "no such system; there are " in done.stderr
