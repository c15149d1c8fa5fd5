"""One test under one seed: its world is made, the coroutine runs on a host of its own, and what came of it is told.

The test passes if it returns. An exception in it, or one that ended a program under test, is raised again outside of
the world for pytest to report as it reports any other.

It deliberately judges nothing itself: assertions are the test's, and a fault is no failure.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

from simkit.explore.run import Run
from simkit.node import Node
from simkit.observe.document import Document
from simkit.testing.declaration import Declaration
from simkit.testing.world import TestedWorld

LINES_TOLD = 40
"""How many of the last log lines are told of a test that failed."""

Test = Callable[[], Coroutine[Any, Any, Any]]


class NotEnded(Exception):
    """The test was still waiting when its world's time was over."""


class Trial:
    """One test under one seed.

    Args:
        name: of the test.
        declared: what its mark says.
        test: makes the test's coroutine.
        world: what the test sees.

    Attributes:
        document: the run document, once it ran.
    """

    def __init__(self, name: str, declared: Mapping[str, Any], test: Test, world: TestedWorld) -> None:
        self._test = test
        self._begun = self._ended = False
        self._error: BaseException | None = None
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._waiting = ""
        declaration = Declaration(name, declared, self._node())
        scenario = declaration.scenario(world.seed)
        self._duration = scenario.duration
        self._declared = {injection.name: injection.described() for injection in scenario.faults}
        self._run = Run(scenario, declaration.card)
        self.document: Document | None = None
        world.begin(self._run.assembly)

    def _node(self) -> type[Node]:
        trial = self

        class Test(Node):
            """Runs the test."""

            async def run(self) -> None:
                await trial._on(self)

        return Test

    async def _on(self, node: Node) -> None:
        """Run the test; the world stops when it ends, however it ends."""
        if self._begun:
            self._error = NotEnded("a fault ended the process of the test itself")
        else:
            self._begun = True
            self._coroutine = self._test()
            try:
                await self._coroutine
                self._ended = True
            except GeneratorExit:
                raise
            except BaseException as error:
                self._error = error
        self._run.world.stop()

    def run(self) -> None:
        """Run to the end; raises what the test, or a program under test, raised."""
        __tracebackhide__ = True
        world = self._run.world
        world.post(int(self._duration) - 1, world.control, self._time_is_over)
        self.document = document = self._run.execute()
        error, failure = self._error, self._run.assembly.failure
        if error is None and failure is not None:
            error = failure.error
            where = f"host {failure.host!r}" if failure.host else "the simulation itself"
            error.add_note(f"(on {where}, after {failure.time_ns / 1e9:.3f} s of virtual time)")
        if error is None and not self._ended:
            reason = document.error.text if document.error else self._waiting or ", ".join(document.left_out)
            error = NotEnded(reason)
        if error is not None:
            raise error

    def _time_is_over(self) -> None:
        places = " > ".join(_places(self._coroutine))
        self._waiting = (
            f"the test did not end within {self._duration.seconds:g} s of virtual time; it waits at {places}"
        )

    @property
    def unstruck(self) -> dict[str, str]:
        """The faults of the mark that struck nobody, in words, by name."""
        struck = {fault.name for fault in self.document.faults} if self.document is not None else set()
        return {name: text for name, text in self._declared.items() if name not in struck}

    def story(self) -> str:
        """Return what happened besides the exception: the time, the faults, the last log lines, the digest."""
        document = self.document
        if document is None:
            return ""
        end_ns = self._run.world.now_ns
        lines = [
            f"seed {document.seed}, ended after {end_ns / 1e9:.3f} s of virtual time, digest {document.digest[:12]}"
        ]
        happened = [(f.begin_ns, f"{f.begin_ns / 1e9:10.3f}  FAULT {f.text}") for f in document.faults]
        for line in document.logs[-LINES_TOLD:]:
            happened.append((line.time_ns, f"{line.time_ns / 1e9:10.3f}  {line.host}: {line.text}"))
        return "\n".join([*lines, *(text for _, text in sorted(happened, key=lambda each: each[0]))])

    def write_page(self, path: Path) -> None:
        """Write the report of the run."""
        from simkit.report.page import page

        if self.document is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page(self.document), encoding="utf-8")


def _places(coroutine: Any) -> Iterator[str]:
    """Yield where a suspended coroutine and those that it awaits stand, the outermost first."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
