"""Diversions: functions that ask somebody else while a host's code runs.

`divert` takes a function where it lives, and a handler that gets the loop of the host in front of the arguments.
Written in C, the function is diverted in place, for everybody who ever imported it; without the compiled module its
name is replaced where it lives, which early imports do not see, and methods of built-in types stay as they are.
Functions written in Python are diverted in place either way, by exchanging their code.

It deliberately decides nothing: the modules beside this one say what a host is told.
"""

import functools
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from simkit.kernel.fence.whereabouts import compiled, here

Handler = Callable[..., Any]

uncovered: list[str] = []
"""What could not be diverted in this interpreter, and is real in host code; named for people."""


def divert(owner: Any, name: str, handler: Handler, *, only: object = None) -> Callable[..., Any]:
    """Let ``owner.name`` ask ``handler(loop, ...)`` in host code; return the original.

    Args:
        owner: the module or class that holds the function; a method's handler gets ``self`` after the loop.
        name: of the function. One that this Python or system does not have is passed over.
        handler: what answers in host code.
        only: divert a method for this object alone; all others keep the original.
    """
    found = vars(owner).get(name)
    if found is None:
        return _missing(owner, name)
    if compiled is not None:
        original: Callable[..., Any] = compiled.divert(found, handler, only)
        return original
    if isinstance(owner, type):
        uncovered.append(f"{owner.__module__}.{owner.__qualname__}.{name}")
        return found  # type: ignore[no-any-return]
    setattr(owner, name, _asking(found, handler))
    return found  # type: ignore[no-any-return]


def _missing(owner: Any, name: str) -> Callable[..., Any]:
    def missing(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{owner.__name__} has no {name} here")

    return missing


def _asking(original: Callable[..., Any], handler: Handler) -> Callable[..., Any]:
    @functools.wraps(original)
    def ask(*arguments: Any, **options: Any) -> Any:
        loop = here()
        return original(*arguments, **options) if loop is None else handler(loop, *arguments, **options)

    return ask


def divert_python(function: Callable[..., Any], handler: Handler) -> Callable[..., Any]:
    """Let a function written in Python ask ``handler(loop, ...)`` in host code; return the original as another one.

    Its code is exchanged, so that whoever imported it early is diverted as well. It must have no closure.
    """
    assert isinstance(function, FunctionType)
    original = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    function.__code__ = _code_calling(_asking(original, handler))
    function.__defaults__ = function.__kwdefaults__ = None
    return original


def _stand_in(*arguments: Any, **options: Any) -> Any:
    target: Any = 0.5  # stands where `_code_calling` puts what is to be called
    return target(*arguments, **options)


def _code_calling(target: Callable[..., Any]) -> CodeType:
    """Return code without globals that calls `target`: any object can be a constant of a code object."""
    code = _stand_in.__code__
    return code.replace(co_consts=tuple(target if constant == 0.5 else constant for constant in code.co_consts))
