"""What `simkit run` does once its arguments are read: orders out, pictures, tables and run folders back.

Ctrl-C ends what runs early and keeps what was measured; a second one ends everything.

It deliberately knows no options: `cli.py` reads them.
"""

import importlib
import json
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from simkit.explore.campaign import Order
    from simkit.explore.pool import Pool
    from simkit.language.problem import ScenarioError
    from simkit.observe.document import Document
    from simkit.report.grid import Grid


def bad_input(error: object) -> NoReturn:
    """Print what is wrong and end with exit code 2."""
    click.echo(str(error), err=True)
    sys.exit(2)


def refuse_branching(at: str | None, many: int | None, one: int | None, others: tuple[object, ...]) -> None:
    """End with a usage error unless the options of branches go together, or are not there at all."""
    if at is None and many is None and one is None:
        return
    if at is None or (many is None) == (one is None):
        raise click.UsageError("--branch-at says from where on, and --branches how many or --branch which one")
    if any(each is not None for each in others):
        raise click.UsageError(
            "branches are of one run: neither --seeds, --sweep, --variants nor --twice goes with them"
        )


AGAIN_MAX = 5
"""Runs that did not come out as declared for which a table names the command that shows them."""


def problems_of(error: "ScenarioError") -> list[dict[str, Any]]:
    """Return what is wrong with a file as plain data."""
    found = []
    for each in error.problems:
        found.append({**each.position._asdict(), "message": each.message, "nearest": each.nearest})
    return found


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def all_runs(plan: Any, pool: "Pool", report: bool, as_json: bool) -> int:
    """Run everything planned; print the whole picture of one run, or a table of many."""
    from simkit.explore.campaign import exit_code, summary
    from simkit.explore.settled import settled

    if report and plan.single:
        threading.Thread(target=import_page, daemon=True).start()
    done: list[tuple[Order, Document]] = []
    for order, document in carried_out(plan.orders, pool, plan.duration_ns):
        done.append((order, document))
        if order.folder is not None and report:
            write_page(document, Path(order.folder))
        if plan.single and not as_json:
            click.echo(terminal_text(document, order.folder), nl=False)
    documents = settled([document for _, document in done])
    done = [(order, document) for (order, _), document in zip(done, documents, strict=True)]
    swept = grids_of(plan, done)
    if as_json:
        found = [summary(document, order.folder) for order, document in done]
        tables = {"sweeps": [each.as_json() for each in swept]} if swept else {}
        print_json(found[0] if plan.single and found else {"runs": found, **tables})
    elif not plan.single and documents:
        from simkit.report.table import table
        from simkit.report.words import seed_options

        click.echo(table(documents, color=sys.stdout.isatty()), nl=False)
        for each in swept:
            click.echo(each.in_words(), nl=False)
        if plan.compares and not swept:
            compared(documents, plan.folder if report else None)
        for order, document in [pair for pair in done if not pair[1].as_declared][:AGAIN_MAX]:
            variant = f" --variant {order.variant}" if order.variant else ""
            settings = "".join(f" --set '{setting}'" for setting in order.overrides)
            own = "".join(f" --system {system}" for system in order.systems)
            luck = seed_options(document)
            click.echo(f"again   simkit run {order.scenario}{variant}{settings}{luck}{own}")
    if pool.interrupted:
        click.echo(
            f"interrupted: {len(documents)} of {len(plan.orders)} runs are told, with what was measured", err=True
        )
        return 130
    return exit_code(documents)


def grids_of(plan: Any, done: "Sequence[tuple[Order, Document]]") -> "list[Grid]":
    """Return the tables of a sweep, and draw the first of them if a picture is wanted."""
    if not plan.paths:
        return []
    from simkit.report.grid import grids

    found = grids([(order.overrides, document) for order, document in done], plan.paths)
    if plan.picture is not None and found:
        from simkit.report.grid_picture import draw

        try:
            draw(found[0], plan.picture)
        except (OSError, ValueError) as error:
            bad_input(error)
    return found


def compared(documents: "Sequence[Document]", folder: Path | None) -> None:
    """Print the variants of one scenario side by side, and write the page of it."""
    from simkit.report.side_by_side import comparable, side_by_side, side_by_side_page

    if not comparable(documents):
        return
    click.echo(side_by_side(documents), nl=False)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{documents[0].scenario.rpartition('/')[2]}-variants.html"
        path.write_text(side_by_side_page(documents, path), encoding="utf-8")
        click.echo(f"report  {path}")


def carried_out(orders: Sequence["Order"], pool: "Pool", duration_ns: int) -> Iterator[tuple["Order", "Document"]]:
    """Yield what was run, with a line of progress. Ctrl-C ends the runs under way early; a second one, everything."""
    from simkit.explore.branches import carry_out_branches
    from simkit.explore.campaign import Report, carry_out
    from simkit.kernel.worker import WorkerFailed
    from simkit.report.progress import Progress

    progress = Progress(len(orders), duration_ns)

    def told(report: Report) -> None:
        progress.update(report.number, report.time_ns, report.steps, report.violations)

    def interrupt(*_: object) -> None:
        if pool.interrupted:
            raise KeyboardInterrupt
        pool.interrupt()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        carried = carry_out_branches if len(orders) > 1 and orders[0].branch else carry_out
        for number, (order, document) in enumerate(carried(orders, pool, told)):
            progress.finished(number)
            progress.clear()
            yield order, document
    except WorkerFailed as failure:
        progress.clear()
        click.echo(f"simkit itself failed in a worker; please report this:\n{failure}", err=True)
        sys.exit(4)
    except KeyboardInterrupt:
        progress.clear()
        click.echo("interrupted twice: nothing more is kept", err=True)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, before)


def terminal_text(document: "Document", folder: str | None) -> str:
    from simkit.report.terminal import terminal

    return terminal(document, run_folder=folder, color=sys.stdout.isatty(), searches=())


def import_page() -> None:
    importlib.import_module("simkit.report.page")


def write_page(document: "Document", folder: Path) -> None:
    """Write report.html; behind a variant's metrics stand those of the file itself, if it was run with this seed."""
    from simkit.observe.document import read_document
    from simkit.report.page import page, trace_beside

    behind = None
    if document.variant is not None:
        base = folder.with_name(folder.name.replace(f"-{document.variant}-", "-", 1)) / "run.json"
        if base.is_file() and base.parent != folder:
            behind = read_document(base)
    text = page(document, run_folder=str(folder), behind=behind, trace=trace_beside(folder / "report.html"))
    (folder / "report.html").write_text(text, encoding="utf-8")


def newest_run(runs: Path) -> Path:
    """Return the run folder that was written last; without one, say what to do."""
    found = sorted(runs.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        bad_input(f"no run in {runs}/ yet; try: simkit run task_queue/slow_is_not_dead")
    return found[-1].parent


def run_twice(plan: Any, pool: "Pool", as_json: bool) -> int:
    """Run the first order twice, in two interpreters, and compare every record."""
    from simkit.explore.twice import compare

    result = compare(plan.orders[0], pool)
    if as_json:
        print_json(result.as_json())
    else:
        click.echo(result.in_words())
    return 0 if result.equal else 1


def compare_folders(first: Path, second: Path, into: Path | None, as_json: bool) -> bool:
    """Compare two run folders, write the page of both, print the comparison; return whether they are the same run."""
    from simkit.report.diff_text import as_json as as_data
    from simkit.report.diff_text import diff_text
    from simkit.report.pair import read_pair

    try:
        pair = read_pair(first, second)
        if into is not None:
            from simkit.report.diff_page import diff_page

            into.write_text(diff_page(pair, into), encoding="utf-8")
        page = None if into is None else str(into)
        if as_json:
            print_json(as_data(pair, page))
        else:
            click.echo(diff_text(pair, page=page, color=sys.stdout.isatty()), nl=False)
    except (OSError, ValueError) as error:
        bad_input(error)
    return pair.equal


def export_run(folder: Path, name: str, into: Path, as_json: bool) -> None:
    """Export one run folder and say what was written."""
    from simkit.export.formats import export, format_of
    from simkit.report.pair import read_side

    try:
        chosen = format_of(name)
        run = read_side(folder)
        done = export(chosen, run.document, run.trace, into)
    except (OSError, ValueError) as error:
        bad_input(error)
    if as_json:
        print_json(
            {"format": name, "files": {str(path): rows for path, rows in done.files.items()}, "notes": done.notes}
        )
        return
    for path, rows in done.files.items():
        click.echo(f"{path}   {rows:,} records" if rows is not None else f"{path}")
    for note in done.notes:
        click.echo(f"note   {note}")


def run_again(folder: Path, pool: "Pool", systems: tuple[str, ...], as_json: bool) -> int:
    """Run a run folder again; it must reach the digest that stands in it."""
    from simkit.explore.campaign import Order, summary
    from simkit.language.problem import ScenarioError
    from simkit.language.scenario import load_scenario
    from simkit.observe.document import read_document
    from simkit.registry import Registry

    try:
        recorded = read_document(folder / "run.json")
    except (OSError, ValueError) as error:
        bad_input(f"{folder}: {error}")
    if recorded.ended_ns is not None and recorded.error is None:
        bad_input(f"{folder} was interrupted before its end: no run can be held against its digest")
    if recorded.again:
        bad_input(f"{folder} was made by another command: {recorded.again}")
    try:
        load_scenario(folder / "scenario.yaml", registry=Registry(systems))
    except ScenarioError as error:
        bad_input(error)
    branch = None if recorded.branch is None else (recorded.branched_ns or 0, recorded.branch)
    order = Order(scenario=str(folder / "scenario.yaml"), systems=systems, trace="hashes", branch=branch)
    [(_, document)] = carried_out([order], pool, recorded.duration_ns)
    same = document.digest == recorded.digest
    if as_json:
        print_json({**summary(document, str(folder)), "recorded_digest": recorded.digest, "same": same})
    else:
        click.echo(terminal_text(document, None), nl=False)
        if same:
            click.echo(f"again    {folder} reached its digest")
        else:
            click.echo(f"again    {folder} has digest {recorded.digest}; this run has {document.digest}")
            for name, value in recorded.versions.items():
                if document.versions.get(name) != value:
                    click.echo(f"         {name} was {value} and is {document.versions.get(name, 'missing')}")
    return 0 if same else 1
