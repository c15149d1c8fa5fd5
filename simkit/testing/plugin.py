"""The pytest plugin: tests marked `@pytest.mark.simkit` run in a simulated world, once for every seed.

Each marked test is handed to a worker interpreter, which is kept for the whole session; its reports are passed on as if
the test had run here. A seed that fails is run again alone, in a fresh interpreter, before the command that replays it
is printed: a command that replays nothing is worse than none.

It deliberately imports nothing of simkit until a marked test runs: pytest loads it wherever simkit is installed.
"""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simkit.kernel.worker import Worker
    from simkit.testing.world import TestedWorld

SESSION = "simkit-session"
KEPT = ("-c", "-p", "-o", "-W", "--config-file", "--rootdir", "--confcutdir", "--import-mode", "--override-ini")
"""Options with a value that change what a test is, and so belong to the command that replays it."""

OWN = ("simkit_", "num", "dist", "tx", "cov", "cache", "xml", "junit", "timeout")
"""How options begin that are for the caller's session alone."""

EXECUTE = "simkit.testing.session:execute"
"""What a worker is asked to call."""

_WORKER = pytest.StashKey["Worker"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the command line can say of marked tests."""
    group = parser.getgroup("simkit", "tests in simulated worlds")
    group.addoption(
        "--simkit-seeds", type=int, metavar="N", help="run every marked test with seeds 1 to N, whatever its mark says"
    )
    group.addoption(
        "--simkit-seed",
        action="append",
        metavar="SEED",
        help="run every marked test with this seed, with several (3,7) or a range (1-17)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark."""
    config.addinivalue_line(
        "markers",
        "simkit(hosts=..., faults=..., network=..., seeds=10, duration='1h'): run the coroutine on a host of a "
        "simulated world, once for every seed",
    )


@pytest.fixture
def world(request: pytest.FixtureRequest) -> "TestedWorld":
    """The simulated world of a test marked simkit: its hosts, its faults, its virtual time."""
    session: Any = request.config.pluginmanager.get_plugin(SESSION)
    if session is None:
        pytest.fail("the fixture `world` belongs to tests marked @pytest.mark.simkit", pytrace=False)
    found: TestedWorld = session.world
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a marked test in a worker and pass its reports on."""
    if item.get_closest_marker("simkit") is None or item.config.pluginmanager.has_plugin(SESSION):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in Errand(item).reports():
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the worker."""
    worker = config.stash.get(_WORKER, None)
    if worker is not None:
        worker.close()


class Errand:
    """One marked test on its way to a worker and back."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._config = item.config

    def reports(self) -> list[pytest.TestReport]:
        """Run the test with all its seeds; return the reports of the first that did not pass, or of the last."""
        from simkit.kernel.worker import WorkerFailed
        from simkit.testing.mark import BadMark

        try:
            seeds, chosen = self._seeds(), self._config.getoption("simkit_seed")
            page = self._page(seeds[-1]) if chosen else None
            answer = self._ask(self._warm_worker(), seeds, page)
            reports = self._read(answer)
            for fault in answer.get("unstruck", ()) if all(report.passed for report in reports) else ():
                seeds_told = f"any of {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
                text = f"the fault `{fault}` struck nobody with {seeds_told}: the test may have ended before it"
                self._item.warn(pytest.PytestWarning(text))
            if answer["digest"] and any(report.failed for report in reports):
                if page is None:
                    reports, text = self._confirmed(seeds, answer, reports)
                else:
                    text = self._replay(",".join(chosen), page)
                _tell(reports, text)
        except (BadMark, WorkerFailed) as problem:
            return [self._failure(str(problem))]
        return reports

    def _seeds(self) -> list[int]:
        from simkit.testing.mark import BadMark, merged, seeds_of

        chosen: list[str] | None = self._config.getoption("simkit_seed")
        if chosen:
            return [seed for text in ",".join(chosen).split(",") for seed in _range(text)]
        declared = merged(self._item.iter_markers("simkit"))
        count: int | None = self._config.getoption("simkit_seeds")
        if count is not None:
            if count < 1:
                raise BadMark("--simkit-seeds takes a number from 1")
            declared["seeds"] = count
        return seeds_of(declared)

    # -- the worker

    def _warm_worker(self) -> "Worker":
        worker = self._config.stash.get(_WORKER, None)
        if worker is None:
            worker = self._config.stash[_WORKER] = _new_worker()
        return worker

    def _ask(self, worker: "Worker", seeds: Sequence[int], page: Path | None = None) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = worker.call(
                EXECUTE,
                arguments=self._arguments(),
                node=self._item.nodeid,
                seeds=list(seeds),
                options=self._options(),
                page=None if page is None else str(page),
            )
        except BaseException:
            # Ended, interrupted or out of step: no further test can be given to it.
            worker.kill()
            if self._config.stash.get(_WORKER, None) is worker:
                del self._config.stash[_WORKER]
            raise
        return answer

    def _arguments(self) -> list[str]:
        """Return the command line of the worker's pytest: this test alone, read as it is read here."""
        config, option = self._config, self._config.option
        found = [f"--rootdir={config.rootpath}", "-o", "addopts=", f"--import-mode={option.importmode}"]
        found += ["-p", "no:cacheprovider", f"--capture={option.capture}", f"--tb={option.tbstyle}"]
        found += [] if config.inipath is None else ["-c", str(config.inipath)]
        for name in dict.fromkeys(option.plugins or ()):
            found += ["-p", name]
        for setting in option.override_ini or ():
            found += ["-o", setting]
        # simkit is imported before this pytest can rewrite its assertions, which nobody asks for.
        found += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        return [*found, f"{self._item.path}::{self._item.nodeid.partition('::')[2]}"]

    def _options(self) -> dict[str, Any]:
        """Return the options that conftest modules, other plugins and the display of assertions may ask for."""
        plain = (str, int, float, bool, type(None))
        own = {"file_or_dir", "plugins", "maxfail", "collectonly", "usepdb", "trace", "override_ini", "inifilename"}
        own |= {"keyword", "markexpr", "lf", "failedfirst", "newfirst", "stepwise", "stepwise_skip", "basetemp", "help"}
        return {
            name: value
            for name, value in vars(self._config.option).items()
            if isinstance(value, plain) and name not in own and not name.startswith(OWN)
        }

    def _read(self, answer: dict[str, Any]) -> list[pytest.TestReport]:
        if "problem" in answer:
            return [self._failure(f"the worker could not run this test:\n{answer['problem']}")]
        read = self._config.hook.pytest_report_from_serializable
        return [read(config=self._config, data=data) for data in answer["reports"]]

    def _failure(self, text: str) -> pytest.TestReport:
        return pytest.TestReport(self._item.nodeid, self._item.location, {self._item.name: 1}, "failed", text, "call")

    # -- a failure and the command that replays it

    def _confirmed(
        self, seeds: Sequence[int], answer: dict[str, Any], reports: list[pytest.TestReport]
    ) -> tuple[list[pytest.TestReport], str]:
        """Run what failed again in a fresh interpreter, as the printed command will, and say what came of it."""
        seed = answer["seed"]
        page = self._page(seed)
        again = self._ask_fresh([seed], page)
        if not _failed(again):
            return reports, self._not_alone(seeds[: answer["ran"]])
        text = f"seed {seed} of {len(seeds)}\n{self._replay(str(seed), page)}"
        if again["digest"] != answer["digest"]:
            text += (
                "\nnote     it fails again, but not by the same steps: something real reaches the code, or the "
                "code keeps state\n         between runs; `Time and entropy of libraries` in docs/limits.md"
            )
        return self._read(again), text

    def _replay(self, seeds: str, page: Path) -> str:
        return f"again    {self._command(seeds)}\nreport   {_shown(page)}"

    def _not_alone(self, seeds: Sequence[int]) -> str:
        seed = seeds[-1]
        told = f"seed {seed} passes when it is run alone in a fresh interpreter"
        if len(seeds) > 1 and seeds == list(range(seeds[0], seed + 1)) and _failed(self._ask_fresh(seeds, None)):
            command = self._command(f"{seeds[0]}-{seed}")
            return f"{told}, so the code keeps state between runs: in a module, a class or a cache\nagain    {command}"
        return (
            f"{told}: tests before it left something behind, or something real reaches the code; no command replays it"
        )

    def _ask_fresh(self, seeds: Sequence[int], page: Path | None) -> dict[str, Any]:
        with _new_worker() as worker:
            return self._ask(worker, seeds, page)

    def _page(self, seed: int) -> Path:
        name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in self._item.name)
        return self._config.invocation_params.dir / "runs" / f"{name[:80]}-{seed}" / "report.html"

    def _command(self, seeds: str) -> str:
        """Return the command that runs this test with these seeds, as typed where pytest was started."""
        node = f"{_shown(self._item.path)}::{self._item.nodeid.partition('::')[2]}"
        by_module = Path(sys.argv[0]).name == "__main__.py"
        program = ["python", "-m", "pytest"] if by_module else ["pytest"]
        return shlex.join([*program, *_kept(self._config), node, f"--simkit-seed={seeds}"])


def _new_worker() -> "Worker":
    from simkit.kernel.worker import Worker

    # The empty entry stands for the current folder.
    return Worker(tuple(folder or str(Path.cwd()) for folder in sys.path))


def _tell(reports: Sequence[pytest.TestReport], text: str) -> None:
    """Add to what failed how to replay it."""
    for report in reports:
        if report.failed:
            # What the hosts logged stands in the story already, with their names and times.
            report.sections[:] = [each for each in report.sections if not each[0].startswith("Captured log")]
            report.sections.append(("simkit: replay", text))


def _failed(answer: dict[str, Any]) -> bool:
    return any(report.get("outcome") == "failed" for report in answer["reports"])


def _shown(path: Path) -> str:
    """Return a path as one would type it where pytest was started."""
    return os.path.relpath(path)


def _range(text: str) -> Iterator[int]:
    first, dash, last = text.partition("-")
    try:
        yield from range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise pytest.UsageError(f"--simkit-seed={text}: a seed, or a range such as 1-17") from None


def _kept(config: pytest.Config) -> Iterator[str]:
    """Yield the options of the command line that change what a test is."""
    given: Sequence[str] = config.invocation_params.args
    distributed = getattr(config, "workerinput", None)
    if distributed is not None:
        given = distributed["mainargv"][1:]
    for number, text in enumerate(given):
        if text in KEPT and number + 1 < len(given):
            yield from (text, given[number + 1])
        elif text.startswith(tuple(f"{option}=" for option in KEPT)) or (text[:2] in KEPT and len(text) > 2):
            yield text
