"""Where the standard library's own order comes from addresses of objects, it is made the order of their making.

It deliberately mends one function: `asyncio.as_completed` puts coroutines into a set before it starts them. Sets of a
program's own objects are its own business, and `simkit run FILE --twice` finds them.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from simkit.kernel.fence.diversion import divert_python
from simkit.kernel.loop import HostLoop


def install() -> None:
    """Let `as_completed` start coroutines in the order given, each of them once."""

    def as_completed(loop: HostLoop, fs: Iterable[Any], **options: Any) -> Any:
        if asyncio.iscoroutine(fs) or asyncio.isfuture(fs):
            return real(fs, **options)  # which it refuses
        return real([asyncio.ensure_future(each) for each in dict.fromkeys(fs)], **options)

    real = divert_python(asyncio.as_completed, as_completed)
