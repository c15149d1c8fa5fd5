"""The command `simkit lesson`: list lessons, take one, try a solution in the open, grade one.

What it prints is for a person; `--json` and `--format` are for programs. Every exit code is one of the command's.

It deliberately imports what is heavy inside its functions, as `cli` does.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from simkit import completion
from simkit.run_command import bad_input, carried_out, print_json, terminal_text, write_page

if TYPE_CHECKING:
    from simkit.explore.pool import Pool
    from simkit.observe.document import Document
    from simkit.teaching.lesson import Lesson, Question

RUNS = Path("runs")
"""Where run folders go."""


@click.command()
@click.argument("name", required=False, shell_complete=completion.lessons)
@click.option("--student", default="", metavar="NAME", help="Whose predictions or marks: another name, other seeds.")
@click.option(
    "--answers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Predictions as NAME: ANSWER, instead of asking.",
)
@click.option("--again", is_flag=True, help="Forget sealed predictions and ask anew.")
@click.option(
    "--try",
    "attempt",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="SOLUTION",
    help="Run the lesson's scenario with your solution, and write its report.",
)
@click.option("--variant", metavar="NAME", help="With --try: this variant.", shell_complete=completion.variants)
@click.option(
    "--grade",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="SOLUTION",
    help="Give marks: hidden seeds and cases, partial credit for each check.",
)
@click.option("--secret", default="", envvar="SIMKIT_LESSON_SECRET", help="With --grade: what the seeds follow from.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit", "gradescope"]),
    default="text",
    show_default=True,
    help="With --grade: of the marks.",
)
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where marks go.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Workers side by side; one for each core.")
@click.option("--runs", default=RUNS, show_default=True, type=click.Path(path_type=Path), help="Where run folders go.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, nothing else.")
def lesson(
    name: str | None,
    student: str,
    answers: Path | None,
    again: bool,
    attempt: Path | None,
    variant: str | None,
    grade: Path | None,
    secret: str,
    form: str,
    into: Path | None,
    jobs: int | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Take a lesson: read, predict, run, see; try a solution; grade one.

    Without NAME it lists the lessons. Exit: 0 done or passed, 1 not passed, 2 bad input, 4 error.
    """
    from simkit.explore.pool import Pool

    if name is None:
        list_lessons(as_json)
        return
    chosen = lesson_called(name)
    with Pool(jobs) as pool:
        pool.warm_up()
        if grade is not None:
            form = "json" if as_json else form
            code = grade_solution(chosen, grade, pool, student=student, secret=secret, form=form, into=into)
        elif attempt is not None:
            code = try_solution(chosen, attempt, pool, variant=variant, runs=runs)
        else:
            code = take_lesson(chosen, pool, student=student, answers=answers, again=again, runs=runs, as_json=as_json)
    sys.exit(code)


def list_lessons(as_json: bool) -> None:
    """Print every lesson with its title."""
    from simkit.teaching.lesson import lessons

    found = lessons()
    if as_json:
        print_json(
            [{"name": name, "title": lesson.title, "page": str(lesson.folder)} for name, lesson in found.items()]
        )
        return
    wide = max(map(len, found), default=0)
    for name, lesson in found.items():
        click.echo(f"  {name:<{wide}}  {lesson.title}")
    click.echo("\nsimkit lesson NAME   read, predict, run, see; --grade FILE for marks")


def lesson_called(name: str) -> "Lesson":
    """Return a lesson whose files can be read, or end with what is wrong."""
    from simkit.language.problem import ScenarioError
    from simkit.teaching.lesson import lesson_of

    try:
        lesson = lesson_of(name)
        _ = lesson.questions, lesson.rules
    except (OSError, ValueError, ScenarioError) as error:
        bad_input(error)
    return lesson


def take_lesson(
    lesson: "Lesson", pool: "Pool", *, student: str, answers: Path | None, again: bool, runs: Path, as_json: bool
) -> int:
    """Ask for predictions, seal them, run, and show what was said beside the answers."""
    from simkit.explore.campaign import Order, summary
    from simkit.language.scenario import load_scenario
    from simkit.registry import Registry
    from simkit.teaching.grading import number_from
    from simkit.teaching.prediction import FILE, with_predictions

    scenario = load_scenario(lesson.scenario, variant=lesson.questions.run, registry=Registry())
    folder = runs / f"lesson-{lesson.name}{f'-{_file_name(student)}' if student else ''}"
    seed, known = scenario.seed, lesson.questions.seeds
    if student:
        number = number_from(f"lesson\n{student}")
        seed = known[number % len(known)] if known else number
    if not as_json:
        click.echo(f"{lesson.title}\n  read   {lesson.folder / 'page.md'}")
        starter = lesson.folder / "starter.py"
        if starter.is_file():
            click.echo(f"  start  {starter}")
    sealed = _sealed(lesson, folder / FILE, student, seed, answers, again)
    order = Order(scenario=lesson.scenario, variant=lesson.questions.run, seed=seed, folder=str(folder), trace="file")
    _keep_predictions(folder / FILE, sealed)
    documents = [document for _, document in carried_out([order], pool, int(scenario.duration))]
    if not documents:
        return 130
    document = with_predictions(lesson, documents[0], sealed["answers"])
    document.write(folder / "run.json")
    write_page(document, folder)
    if as_json:
        told = [{"question": p.question, "said": p.said, "did": p.did, "right": p.right} for p in document.predictions]
        print_json({**summary(document, str(folder)), "lesson": lesson.name, "predictions": told})
        return 0
    click.echo("\n" + terminal_text(document, str(folder)), nl=False)
    click.echo(said_and_did(document), nl=False)
    return 0


def _sealed(lesson: "Lesson", path: Path, student: str, seed: int, answers: Path | None, again: bool) -> dict[str, Any]:
    from simkit.teaching.prediction import asked, seal, sealed_before

    try:
        before = None if again else sealed_before(path, lesson, student)
        if before is not None:
            click.echo("  your predictions are sealed already; --again asks anew\n", err=True)
            return before
        given = None if answers is None else _answers(answers)
    except (OSError, ValueError) as error:
        bad_input(error)
    if given is None and not sys.stdin.isatty():
        asks = "".join(f"\n  {name}: {question.in_words()}" for name, question in lesson.questions.every.items())
        text = (
            "a lesson asks for predictions: at a terminal, or from a file with --answers FILE, one NAME: ANSWER a line:"
        )
        bad_input(text + asks)
    return seal(lesson, student, seed, asked(lesson, _from(given) if given is not None else _ask))


def _answers(path: Path) -> dict[str, str]:
    from simkit.language.problem import ScenarioError
    from simkit.teaching.lesson import read_mapping

    try:
        return {str(name): str(value) for name, value in read_mapping(path).items()}
    except ScenarioError as error:
        raise ValueError(str(error)) from error


def _from(given: dict[str, str]) -> "Callable[[str, Question, str], str]":
    def answer(name: str, question: "Question", wrong: str) -> str:
        if wrong or name not in given:
            bad_input(f"answer `{name}` ({question.ask}): {wrong or 'missing'}")
        return given[name]

    return answer


def _ask(name: str, question: "Question", wrong: str) -> str:
    if not wrong:
        click.echo("\n" + question.ask + (f" ({question.unit})" if question.unit else ""))
        wide = max(map(len, question.choices), default=0)
        for number, choice in enumerate(question.choices, start=1):
            click.echo(f"  {number:>2}  {choice:<{wide}}  {question.meaning.get(choice, '')}".rstrip())
    else:
        click.echo(f"  {wrong}")
    answer: str = click.prompt("  you say", prompt_suffix=": ", default="", show_default=False)
    return answer


def _keep_predictions(path: Path, sealed: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")


def said_and_did(document: "Document") -> str:
    """Return the predictions as lines for a terminal."""
    from simkit.report.words import plain

    lines = [""]
    for each in document.predictions:
        mark = "right" if each.right else "no   "
        lines.append(f"  {mark}  {plain(each.question)}")
        lines.append(f"         you said {plain(each.said)}; the answer is {plain(each.did)}")
        if each.because:
            lines.append(f"         {plain(each.because)}")
    right = sum(each.right for each in document.predictions)
    lines.append(f"{right} of {len(document.predictions)} predictions were right")
    return "\n".join(lines) + "\n"


def grade_solution(
    lesson: "Lesson", path: Path, pool: "Pool", *, student: str, secret: str, form: str, into: Path | None
) -> int:
    """Put a solution through every case and print its marks; return 0 if it passed, 1 if not."""
    from simkit.kernel.worker import WorkerFailed
    from simkit.teaching.grading import plan, read_solution, tried
    from simkit.teaching.marks import FORMATS, marks_of

    try:
        solution = read_solution(path, lesson.rules)
    except ValueError as error:
        bad_input(error)
    planned = plan(lesson.rules, solution, student, secret)
    results = []
    try:
        for each in tried(lesson, solution, planned, pool):
            results.append(each)
            if sys.stderr.isatty():
                click.echo(f"\r{len(results)} of {len(planned)} runs ", nl=False, err=True)
    except WorkerFailed as failure:
        click.echo(f"simkit itself failed in a worker; please report this:\n{failure}", err=True)
        return 4
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
    marks = marks_of(lesson, student, solution.name, results)
    told = FORMATS[form](marks)
    if into is None:
        click.echo(told, nl=False)
        return 0 if marks.passed else 1
    try:
        into.write_text(told, encoding="utf-8")
    except OSError as error:
        bad_input(f"{into}: {error.strerror}")
    click.echo(marks.verdict)
    return 0 if marks.passed else 1


def try_solution(lesson: "Lesson", path: Path, pool: "Pool", *, variant: str | None, runs: Path) -> int:
    """Run a solution once, in the open, with a report: what a student does before handing it in."""
    from msgspec.structs import replace

    from simkit.kernel.worker import WorkerFailed
    from simkit.language.problem import ScenarioError
    from simkit.language.scenario import load_scenario
    from simkit.observe.document import read_document
    from simkit.registry import Registry
    from simkit.teaching.grading import attempt, read_solution, settings_of, value_word

    words = [path.stem] if variant is None else [path.stem, variant]
    folder = runs / "-".join(["lesson", lesson.name, *map(_file_name, words)])
    try:
        solution = read_solution(path, lesson.rules)
        scenario = load_scenario(lesson.scenario, variant=variant, registry=Registry())
    except (ValueError, ScenarioError) as error:
        bad_input(error)
    folder.mkdir(parents=True, exist_ok=True)
    # What an earlier attempt left must not be taken for this one's.
    for name in ("run.json", "report.html", "trace.bin"):
        (folder / name).unlink(missing_ok=True)
    for setting, value in settings_of(lesson.rules, solution).items():
        click.echo(f"  set    {setting}: {value_word(value)}")
    try:
        result = attempt(lesson, solution, variant, scenario.seed, folder, pool)
    except WorkerFailed as failure:
        click.echo(f"simkit itself failed in a worker; please report this:\n{failure}", err=True)
        return 4
    if result["document"] is not None:
        options = {"--try": path, "--variant": variant, "--runs": None if runs == RUNS else runs}
        again = [f"{option} {quote(str(value))}" for option, value in options.items() if value is not None]
        document = read_document(result["document"].encode())
        document = replace(document, again=" ".join(["simkit lesson", lesson.name, *again]))
        document.write(folder / "run.json")
        write_page(document, folder)
        if not result["failure"]:
            click.echo(terminal_text(document, str(folder)), nl=False)
            return 0 if document.as_declared else 1
    told = result["failure"]
    click.echo(told if told.startswith(path.name) else f"{path.name} broke down: {told}")
    return 1


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text)[:60]
