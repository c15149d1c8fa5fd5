"""pytest inside a worker interpreter: one test, with all its fixtures, once for every seed.

`execute` is what a worker is called with. Its pytest reads the same configuration file and the same conftest modules as
the caller's, so that fixtures, parameters and monkeypatching mean here what they mean everywhere.

It deliberately prints nothing: reports go back to the caller as plain data, as those of pytest-xdist do.
"""

import inspect
import io
import json
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.runner import runtestprotocol

from simkit.language.problem import ScenarioError
from simkit.program import NotAProgram
from simkit.testing.mark import BadMark, merged
from simkit.testing.trial import NotEnded, Trial
from simkit.testing.world import TestedWorld

NAME = "simkit-session"
"""Under which name the session is registered, so that the plugin knows where it is."""


class Session:
    """The pytest plugin that takes the place of the caller's inside a worker.

    Args:
        node: the test's id.
        seeds: the seeds to run it with, in order, until one does not pass.
        options: values of the caller's options that conftest modules and other plugins may ask for.
        page: where the report of a failing run is written; None for nowhere.
    """

    def __init__(self, node: str, seeds: Sequence[int], options: dict[str, Any], page: Path | None) -> None:
        self.world = TestedWorld(seeds[0])
        self.answer: dict[str, Any] = {}
        self._node = node
        self._seeds = seeds
        self._options = options
        self._page = page
        self._trial: Trial | None = None
        self._problems: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take over the caller's options."""
        vars(config.option).update(self._options)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what stops a module from being collected."""
        if report.failed:
            self._problems.append(str(report.longrepr))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the test with every seed until one does not pass."""
        item = next((each for each in session.items if each.nodeid == self._node), None)
        if item is None:
            return True
        seconds, unstruck = 0.0, dict[str, str]()
        for number, seed in enumerate(self._seeds, start=1):
            self.world, self._trial = TestedWorld(seed), None
            # The test is torn down for every seed, what is above it only after the last.
            above: Any = item.parent if number < len(self._seeds) else None
            reports = runtestprotocol(item, log=False, nextitem=above)
            missed = self._unstruck()
            unstruck = missed if number == 1 else {name: missed[name] for name in unstruck if name in missed}
            seconds += sum(report.duration for report in reports if report.when == "call")
            last = number == len(self._seeds) or not all(_went_well(report) for report in reports)
            if last:
                break
        if number < len(self._seeds):
            session._setupstate.teardown_exact(None)
        for report in reports:
            if report.when == "call":
                report.duration = seconds
        self.answer = {"seed": seed, "ran": number, "digest": self._digest(), "reports": _as_plain(item, reports)}
        self.answer["unstruck"] = list(unstruck.values())
        # Nobody reads this session's summary, and some plugins import much to write theirs.
        session.config.pluginmanager.unregister(name="terminalreporter")
        return True

    def _unstruck(self) -> dict[str, str]:
        return self._trial.unstruck if self._trial is not None else {}

    def _digest(self) -> str:
        document = self._trial.document if self._trial is not None else None
        return "" if document is None else document.digest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run the test's coroutine in a world."""
        __tracebackhide__ = True
        trial = self._trial = self._new_trial(pyfuncitem)
        try:
            trial.run()
        except BaseException as error:
            pyfuncitem.add_report_section("call", "simkit", trial.story())
            if self._page is not None:
                trial.write_page(self._page)
            if isinstance(error, NotEnded):
                _fail(error)
            raise
        return True

    def _new_trial(self, item: pytest.Function) -> Trial:
        function = inspect.unwrap(item.obj)  # another plugin may have made a plain function of it
        if not inspect.iscoroutinefunction(function):
            pytest.fail("a test marked simkit runs on a host of a simulated world: write `async def`", pytrace=False)
        arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
        try:
            declared = merged(item.iter_markers("simkit"))
            return Trial(item.nodeid, declared, partial(function, **arguments), self.world)
        except (BadMark, NotAProgram, ScenarioError) as problem:
            _fail(problem)


def _fail(problem: Exception) -> NoReturn:
    """Fail with a text that needs no traceback."""
    pytest.fail(str(problem), pytrace=False)


def _went_well(report: pytest.TestReport) -> bool:
    """Tell whether the next seed should be tried; a test that is expected to fail goes on until it does."""
    if report.failed:
        return str(report.longrepr).startswith("[XPASS(strict)]")
    return report.passed


def _as_plain(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> list[dict[str, Any]]:
    hook, config = item.config.hook, item.config
    found = [hook.pytest_report_to_serializable(config=config, report=report) for report in reports]
    plain: list[dict[str, Any]] = json.loads(json.dumps(found, default=str))
    return plain


def execute(
    *, say: Any, arguments: list[str], node: str, seeds: list[int], options: dict[str, Any], page: str | None
) -> dict[str, Any]:
    """Run one test in a worker; return its reports, the last seed, and how many seeds ran."""
    os.environ.pop("PYTEST_ADDOPTS", None)
    session = Session(node, seeds, options, None if page is None else Path(page))
    said = io.StringIO()
    manager_plugins: list[Any] = [_Named(session)]
    with redirect_stdout(said):
        code = pytest.main(arguments, plugins=manager_plugins)
    if session.answer:
        return session.answer
    problems = "\n".join(session._problems) or said.getvalue() or f"pytest ended with {code!r}"
    return {"seed": seeds[0], "ran": 0, "digest": "", "reports": [], "problem": problems}


class _Named:
    """Registers the session under its name, which `pytest.main` cannot."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pytest_addoption(self, pluginmanager: pytest.PytestPluginManager) -> None:
        """Register it as early as possible."""
        pluginmanager.register(self._session, NAME)
