"""What `simkit check` does with scenario files: problems, warnings, and the picture of what is still to come.

It deliberately knows no options: `cli.py` reads them. Nothing is run here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from simkit.language.library import Library, Source
from simkit.language.problem import ScenarioError
from simkit.language.resolved import Scenario
from simkit.language.scenario import dump, load_source
from simkit.language.timeline import spans, timeline, timeline_rows
from simkit.language.vocabulary import Registry
from simkit.report.forecast import strips
from simkit.run_command import bad_input, print_json, problems_of


def check_files(
    targets: Sequence[str],
    registry: Registry,
    variant: str | None,
    overrides: Sequence[str],
    picture: Path | None,
    resolved: bool,
    as_json: bool,
) -> int:
    """Check every file that the targets mean and print what there is to say; return the exit code."""
    problems: list[dict[str, Any]] = []
    warnings: list[str] = []
    timelines: dict[str, list[dict[str, Any]]] = {}
    for target in targets:
        try:
            for source in Library().locate(target):
                scenario = load_source(source, variant=variant, overrides=overrides, registry=registry)
                warnings += _warnings(scenario, source)
                timelines[scenario.name] = _rows(scenario)
                if picture is not None:
                    _drawn(scenario, picture, target, len(targets))
                if not as_json:
                    click.echo(dump(scenario) if resolved else timeline(scenario))
                    if not resolved and (drawn := strips(scenario)):
                        click.echo(drawn)
        except ScenarioError as error:
            if not as_json:
                click.echo(str(error), err=True)
            problems += problems_of(error)
    if as_json:
        print_json({"problems": problems, "warnings": warnings, "timelines": timelines})
    for warning in [] if as_json else warnings:
        click.echo(f"warning: {warning}", err=True)
    return 2 if problems else 0


def _warnings(scenario: Scenario, source: Source) -> list[str]:
    if scenario.expectations:
        return []
    place = f"{source.shown}: " if scenario.variant is None else f"{source.shown}, {scenario.variant}: "
    return [f"{place}nothing is expected, so it cannot fail; write `expect:`"]


def _rows(scenario: Scenario) -> list[dict[str, Any]]:
    """The faults in order of time, as plain data."""
    last = {span.name: span.outlasts(int(scenario.duration)) for span in spans(scenario)}
    return [
        {"time_ns": row.time_ns, "when": row.when, "fault": row.name, "text": row.text, "outlasts": last[row.name]}
        for row in timeline_rows(scenario)
    ]


def _drawn(scenario: Scenario, picture: Path, target: str, targets: int) -> None:
    """Draw one scenario; several cannot share a file."""
    from simkit.report.forecast_picture import draw

    if targets > 1 or Path(target).is_dir():
        bad_input("--picture draws one scenario; name one")
    try:
        draw(scenario, picture)
    except (OSError, ValueError) as error:
        bad_input(error)
