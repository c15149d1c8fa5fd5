"""The `simkit` command: what a user types, and what comes back.

Every command here reads its arguments, calls one thing, and prints. Bad input is one clear text and exit code 2; no
traceback of simkit's own reaches a user who made a mistake.

It deliberately imports what is heavy inside the commands, so that `--help` answers at once, and starts the worker
interpreter before it reads the file, so that the two warm up side by side.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simkit import completion
from simkit.lesson_command import lesson
from simkit.run_command import (
    all_runs,
    bad_input,
    newest_run,
    print_json,
    problems_of,
    refuse_branching,
    run_again,
    run_twice,
    write_page,
)

if TYPE_CHECKING:
    from simkit.explore.audit import Audit
    from simkit.explore.pool import Pool
    from simkit.registry import Registry

TRY = """simkit plays distributed systems under faults, from a file, the same way every time.

  simkit list                               what there is to run
  simkit run task_queue/slow_is_not_dead    run one, get a verdict and a picture
  simkit new scenario mine.yaml             copy one, change it, run it

simkit --help lists all commands."""

RUNS = "runs"


class Command(click.Group):
    """The group of all commands; Ctrl-C while it reads its arguments ends quietly, with the code that says so."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(130)


def _say_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from simkit.installation import version
        from simkit.kernel.core import name
        from simkit.kernel.fence import in_words

        click.echo(f"simkit {version()} · core {name} · {in_words()}")
        context.exit()


@click.group(cls=Command, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_say_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Deterministic simulation of distributed systems: scenario files, faults, verdicts, pictures."""
    from simkit.installation import NameClash, refuse_clash

    try:
        refuse_clash()
    except NameClash as error:
        bad_input(error)
    if context.invoked_subcommand is None:
        click.echo(TRY)


def _registry(systems: Sequence[str]) -> "Registry":
    from simkit.registry import Registry

    if systems:
        # A system of the user's own stands in the current folder more often than not.
        sys.path.insert(0, str(Path.cwd()))
    try:
        return Registry(systems)
    except ModuleNotFoundError as error:
        bad_input(f"--system: {error}, in {Path.cwd()} or where Python looks for modules")
    except (ImportError, AttributeError, ValueError) as error:
        bad_input(f"--system: {error}")


system_option = click.option(
    "--system", "systems", multiple=True, metavar="MODULE:CARD", help="A system of your own, outside any package."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on standard output, nothing else."
)


# -- run


@main.command()
@click.argument(
    "targets",
    nargs=-1,
    required=True,
    metavar="FILE|FOLDER|NAME|RUN_DIR...",
    shell_complete=completion.scenarios,
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Instead of the file's seed.")
@click.option("--seeds", type=click.IntRange(1, 1_000_000), help="Run with this many seeds, from the first one on.")
@click.option(
    "--variant",
    "chosen",
    multiple=True,
    metavar="NAME",
    help="Run this variant instead of the file as it is.",
    shell_complete=completion.variants,
)
@click.option("--variants", is_flag=True, help="Run the file and every variant of it.")
@click.option("--sweep", is_flag=True, help="Run every combination that the file's `sweep:` asks for.")
@click.option("--branch-at", metavar="TIME", help="Draw other luck from there on: 90s. See --branches and --branch.")
@click.option("--branches", type=click.IntRange(1, 10_000), help="In that many ways, from one run up to that time.")
@click.option("--branch", type=click.IntRange(1), help="In the way of this number, as one run with its report.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change one value: faults.gc.for=60s")
@click.option("--twice", is_flag=True, help="Run twice in fresh interpreters and name the first event that differs.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Workers side by side; one for each core.")
@click.option(
    "--runs", "runs", default=RUNS, show_default=True, type=click.Path(path_type=Path), help="Where run folders go."
)
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --sweep: draw its table as FILE.svg or FILE.png.",
)
@system_option
@json_option
def run(
    targets: tuple[str, ...],
    seed: int | None,
    seeds: int | None,
    chosen: tuple[str, ...],
    variants: bool,
    sweep: bool,
    branch_at: str | None,
    branches: int | None,
    branch: int | None,
    overrides: tuple[str, ...],
    twice: bool,
    jobs: int | None,
    runs: Path,
    no_report: bool,
    picture: Path | None,
    systems: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run scenarios and judge them. Exit: 0 as declared, 1 not, 2 bad input, 3 unknown, 4 error."""
    from simkit.explore.pool import Pool

    if picture is not None and (not sweep or picture.suffix not in (".svg", ".png")):
        raise click.UsageError("--picture goes with --sweep, and ends in .svg or .png")
    if variants and chosen:
        raise click.UsageError("--variants means all of them; --variant means one: choose")
    refuse_branching(branch_at, branches, branch, (seeds, sweep or None, variants or None, twice or None))
    with Pool(jobs, path=(str(Path.cwd()),) if systems else ()) as pool:
        pool.warm_up()
        from simkit.explore.plan import Plan, Request, is_run_folder
        from simkit.language.problem import ScenarioError

        folders = [target for target in targets if is_run_folder(Path(target))]
        request = Request(
            targets=tuple(target for target in targets if target not in folders),
            seed=seed,
            seeds=seeds,
            variants=chosen,
            all_variants=variants,
            sweep=sweep,
            overrides=overrides,
            systems=systems,
            runs=runs,
            picture=picture,
            branch_at=branch_at,
            branches=(branch,) if branch else tuple(range(1, (branches or 0) + 1)),
        )
        try:
            plan = Plan(request, _registry(systems)) if request.targets else None
        except ScenarioError as error:
            if as_json:
                print_json({"problems": problems_of(error)})
            bad_input(error)
        code = 0
        for folder in folders:
            code = max(code, run_again(Path(folder), pool, systems, as_json))
        if plan is not None:
            code = max(code, run_twice(plan, pool, as_json) if twice else all_runs(plan, pool, not no_report, as_json))
    sys.exit(code)


# -- audit


@main.command()
@click.argument("system", shell_complete=completion.systems)
@click.option("--switches", is_flag=True, help="Only the protections that can be turned off.")
@click.option("--figures", is_flag=True, help="Only the published figures.")
@click.option("--only", metavar="WORD", help="Only rows whose switch, check or figure has this word in it.")
@click.option("--seeds", type=click.IntRange(1, 100_000), help="For each row; 20 for a switch, a figure says its own.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Workers side by side; one for each core.")
@system_option
@json_option
def audit(system: str, jobs: int | None, systems: tuple[str, ...], as_json: bool, **rows: Any) -> None:
    """Try every claim of a system's card over many seeds. Exit: 0 all pass, 1 a failure, 3 unknown, 4 error."""
    from simkit.explore.pool import Pool

    with Pool(jobs, path=(str(Path.cwd()),) if systems else ()) as pool:
        pool.warm_up()
        from simkit.explore.audit import audit_of
        from simkit.report.audit_table import audit_table

        try:
            one = audit_of(_registry(systems), system, systems, **rows)
        except ValueError as error:
            bad_input(error)
        interrupted = _audited(one, pool)
        print_json(one.as_json()) if as_json else click.echo(audit_table(one, color=sys.stdout.isatty()), nl=False)
    sys.exit(130 if interrupted else one.exit_code())


def _audited(audit: "Audit", pool: "Pool") -> bool:
    """Make the runs of an audit with a line of progress; return True if Ctrl-C ended it early."""
    from simkit.kernel.worker import WorkerFailed
    from simkit.report.progress import Progress

    progress = Progress(len(audit.experiments), audit.duration_ns)
    try:
        # Violations are what an audit hopes for in half of its runs: they are not counted aloud.
        for number in audit.carry_out(pool, lambda r: progress.update(r.number, r.time_ns, r.steps, 0)):
            progress.finished(number)
    except WorkerFailed as failure:
        progress.clear()
        click.echo(f"simkit itself failed in a worker; please report this:\n{failure}", err=True)
        sys.exit(4)
    except KeyboardInterrupt:
        progress.clear()
        click.echo("interrupted; what was measured until then:", err=True)
        return True
    progress.clear()
    return False


# -- check, list, open, new


@main.command()
@click.argument("targets", nargs=-1, metavar="FILE|FOLDER|NAME...", shell_complete=completion.scenarios)
@click.option("--variant", metavar="NAME", help="Check this variant.", shell_complete=completion.variants)
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change one value first.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of scenario files, for editors.")
@click.option("--reference", is_flag=True, help="Print the reference page of scenario files, as Markdown.")
@click.option("--system-page", metavar="NAME", help="Print the generated part of a system's page, as Markdown.")
@click.option("--into", type=click.Path(path_type=Path), help="With --system-page: renew it in this file instead.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the faults over time as FILE.svg or FILE.png.",
)
@click.option("--resolved", is_flag=True, help="Print the scenario as resolved, without `extends`.")
@system_option
@json_option
def check(
    targets: tuple[str, ...],
    variant: str | None,
    overrides: tuple[str, ...],
    schema: bool,
    reference: bool,
    system_page: str | None,
    into: Path | None,
    picture: Path | None,
    resolved: bool,
    systems: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check scenario files and show who, where and when. Nothing is run."""
    from simkit.check_command import check_files
    from simkit.language.reference import reference_page
    from simkit.language.schema import language_schema

    registry = _registry(systems)
    if schema:
        print_json(language_schema(registry))
        return
    if reference:
        click.echo(reference_page(registry), nl=False)
        return
    if system_page:
        _system_page(registry, system_page, into)
        return
    if not targets:
        raise click.UsageError("name at least one scenario, or ask for --schema")
    sys.exit(check_files(targets, registry, variant, overrides, picture, resolved, as_json))


def _system_page(registry: "Registry", name: str, into: Path | None) -> None:
    """Print the generated part of a system's page, or put it where it belongs."""
    from simkit.report import system_page

    try:
        if into is None:
            click.echo(system_page.system_page(registry, name), nl=False)
        else:
            system_page.write_page(registry, name, into)
    except (OSError, ValueError) as error:
        bad_input(f"{into or name}: {error}")


@main.command("list")
@click.argument("word", required=False, metavar="[SYSTEM|FAULT]", shell_complete=completion.systems_and_faults)
@click.option("--checks", is_flag=True, help="List the checks that any system can use, with their settings.")
@system_option
@json_option
def list_(word: str | None, checks: bool, systems: tuple[str, ...], as_json: bool) -> None:
    """List systems, scenarios and faults; with a name, what there is to know about it."""
    from simkit.report.catalogue import catalogue, entry
    from simkit.report.check_list import check_list

    if checks and word is not None:
        bad_input("--checks lists what any system can use; simkit list SYSTEM tells the checks of one")
    registry = _registry(systems)
    if word is None:
        found = check_list() if checks else catalogue(registry)
        print_json(found.as_json()) if as_json else click.echo(found.in_words(), nl=False)
        return
    try:
        one = entry(registry, word)
    except KeyError as error:
        bad_input(error.args[0])
    print_json(one.as_json()) if as_json else click.echo(one.in_words(), nl=False)


@main.command("open")
@click.argument(
    "folder",
    required=False,
    type=click.Path(path_type=Path),
    metavar="[RUN_DIR]",
    shell_complete=completion.runs,
)
@click.option("--rebuild", is_flag=True, help="Write report.html anew from run.json.")
@click.option("--logs", is_flag=True, help="Print the run's logs instead.")
@click.option("--runs", default=RUNS, show_default=True, type=click.Path(path_type=Path), help="Where run folders are.")
def open_(folder: Path | None, rebuild: bool, logs: bool, runs: Path) -> None:
    """Open the report of a run, by default the newest."""
    from simkit.observe.document import read_document

    folder = folder or newest_run(runs)
    try:
        document = read_document(folder / "run.json")
    except (OSError, ValueError) as error:
        bad_input(f"{folder} is not a run folder: {error}")
    if logs:
        from simkit.report.terminal import log_lines

        click.echo(log_lines(document), nl=False)
        return
    page = folder / "report.html"
    if rebuild or not page.exists():
        write_page(document, folder)
    click.echo(page)
    if _has_screen():
        click.launch(str(page.resolve()))


@main.command()
@click.argument("first", type=click.Path(path_type=Path), metavar="RUN_DIR", shell_complete=completion.runs)
@click.argument("second", type=click.Path(path_type=Path), metavar="RUN_DIR", shell_complete=completion.runs)
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the page goes; diff.html beside the second run.",
)
@click.option("--no-page", is_flag=True, help="Only tell, write no page.")
@click.option("--open", "show", is_flag=True, help="Open the page.")
@json_option
def diff(first: Path, second: Path, into: Path | None, no_page: bool, show: bool, as_json: bool) -> None:
    """Compare two run folders: where they part, which verdicts differ, and both side by side.

    A folder comes from a run by itself: simkit run X, then simkit run X --variant V (a table of many runs keeps
    none). Exit: 0 the same run, 1 different, 2 bad input.
    """
    from simkit.run_command import compare_folders

    if no_page and (show or into):
        raise click.UsageError("--no-page leaves nothing to open or to put into a file")
    target = None if no_page else into or second / "diff.html"
    equal = compare_folders(first, second, target, as_json)
    if show and target is not None and _has_screen():
        click.launch(str(target.resolve()))
    sys.exit(0 if equal else 1)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN_DIR", shell_complete=completion.runs)
@click.option(
    "--format",
    "name",
    required=True,
    metavar="FORMAT",
    help="perfetto, csv, parquet, svg, or one that another package adds.",
    shell_complete=completion.formats,
)
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Instead of the run folder."
)
@json_option
def export(folder: Path, name: str, into: Path | None, as_json: bool) -> None:
    """Write a run's messages, events, operations and metrics in a format that other tools read.

    perfetto: trace.json.gz for ui.perfetto.dev and chrome://tracing. csv, parquet: one file for each table. svg: one
    file for each figure, for slides.
    """
    from simkit.run_command import export_run

    export_run(folder, name, into or folder, as_json)


def _has_screen() -> bool:
    """Return whether a browser could be opened; over a plain remote shell the path has to do."""
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


main.add_command(lesson)


@main.group()
def new() -> None:
    """Make something of your own from what is there."""


@new.command("scenario")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "base",
    default="task_queue/slow_is_not_dead",
    show_default=True,
    metavar="NAME|FILE",
    shell_complete=completion.scenarios,
)
def new_scenario(file: Path, base: str) -> None:
    """Copy a scenario to FILE, to be changed."""
    from simkit.language.library import Library
    from simkit.language.problem import ScenarioError

    if file.suffix not in (".yaml", ".yml"):
        file = file.with_name(f"{file.name}.yaml")
    try:
        sources = Library().locate(base)
    except ScenarioError as error:
        bad_input(error)
    if len(sources) != 1:
        bad_input(f"{base} is a folder; name one scenario in it")
    try:
        with file.open("x", encoding="utf-8") as copy:
            copy.write(sources[0].path.read_text(encoding="utf-8"))
    except FileExistsError:
        bad_input(f"{file} exists already; nothing was written")
    except OSError as error:
        bad_input(f"{file}: {error.strerror}")
    click.echo(f"{file} is a copy of {sources[0].name}. Change it, then:\n  simkit check {file}\n  simkit run {file}")


@new.command("system")
@click.argument("name")
@click.option("--into", default=".", type=click.Path(file_okay=False, path_type=Path), help="Where its folder goes.")
def new_system(name: str, into: Path) -> None:
    """Write a small system that runs, to be read and changed."""
    from simkit.explore import template

    try:
        template.new_system(name, into, _registry(()).systems())
    except ValueError as error:
        bad_input(f"{error}; nothing was written")
    click.echo(template.invitation(name, into))
