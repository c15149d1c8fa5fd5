"""A program as it stands: an async function, or the web application that a function returns, as the node of a host.

What an engineer has is a service, not a class of this framework. `program(make_app)` makes a role of it without a
change: the function is called anew at every boot, so that what it keeps in memory is lost with the process.

It deliberately knows no framework by import: an application is recognised by the module that made it, and served the
way that framework's own documentation serves it.
"""

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import Any, ClassVar

from simkit.node import Node

PORT = 8080
"""Where an application is served unless the caller says otherwise."""

Made = Callable[..., Any]


class NotAProgram(TypeError):
    """What was given as a program cannot run on a host."""


class Program(Node):
    """Runs one function at every boot; `program` makes the subclass that knows which.

    Attributes:
        made: the function; it takes the node, or nothing.
        port: where a returned application is served.
    """

    made: ClassVar[Made]
    port: ClassVar[int] = PORT

    async def run(self) -> None:
        """Call the function, await what it returns, and serve it if it is an application."""
        made = type(self).made
        result = made(self) if _takes_node(made) else made()
        try:
            if inspect.isawaitable(result):
                result = await result
            if result is not None:
                await serve(result, self.port)
        finally:
            await _wind_down()


def program(made: Made, *, port: int = PORT) -> type[Program]:
    """Return the node class of a program.

    Args:
        made: an async function, which is the process; or a function, async or not, that returns an aiohttp or ASGI
            application, which is served until the process ends. It takes no argument, or the node it runs on (its
            `name`, `disk`, `random`, `emit` and so on).
        port: where an application is served.

    Raises:
        NotAProgram: if `made` cannot be called so, for example because it is one application for all boots.
    """
    if not inspect.isroutine(made) and not inspect.isclass(made):
        kind = type(made).__name__
        raise NotAProgram(f"a program is a function, not a {kind}; write one that makes the {kind} anew at every boot")
    _takes_node(made)
    name = getattr(made, "__name__", "program")
    return type(name, (Program,), {"made": staticmethod(made), "port": port, "__doc__": made.__doc__})


def _takes_node(made: Made) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = inspect.signature(made).parameters.values()
    needed = [each for each in given if each.default is each.empty and each.kind in kinds]
    if len(needed) > 1:
        raise NotAProgram(f"{made.__name__} needs {len(needed)} arguments; a program takes its node, or nothing")
    return len(needed) == 1


async def _wind_down() -> None:
    """Do what `asyncio.run` does at its end: cancel what is left, and close asynchronous generators."""
    loop: Any = asyncio.get_running_loop()
    left = [task for task in loop.tasks.values() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    for task, result in zip(left, await asyncio.gather(*left, return_exceptions=True), strict=True):
        if isinstance(result, Exception):
            text = "unhandled exception during the end of a program"
            loop.call_exception_handler({"message": text, "exception": result, "task": task})
    await loop.shutdown_asyncgens()


async def serve(application: Any, port: int) -> None:
    """Serve an aiohttp application, or an ASGI application through uvicorn, until cancelled."""
    web = sys.modules.get("aiohttp.web")
    if web is not None and isinstance(application, web.Application):
        await _serve_aiohttp(web, application, port)
    elif callable(application):
        await _serve_asgi(application, port)
    else:
        kind = type(application).__name__
        raise NotAProgram(f"the program returned a {kind}; it may return nothing, an aiohttp or an ASGI application")


async def _serve_aiohttp(web: Any, application: Any, port: int) -> None:
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()


async def _serve_asgi(application: Any, port: int) -> None:
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise NotAProgram("an ASGI application is served by uvicorn, which is not installed") from error
    # Its own logging setup would take the log lines out of the host's hands.
    await uvicorn.Server(uvicorn.Config(application, host="0.0.0.0", port=port, log_config=None)).serve()
