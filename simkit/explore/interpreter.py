"""What a run needs of the interpreter that it happens in: garbage collected at fixed places, and Ctrl-C that waits.

It deliberately does not own what a world needs at every step, such as the running loop: that is the world's.
"""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def freeze() -> bool:
    """Keep what is there out of later collections, so that a run's finalizers come where they always come.

    Returns:
        Whether it is kept out for good, as in a worker: going through every module's objects again costs more than a
        short run.
    """
    keeps_frozen = gc.get_freeze_count() > 0
    gc.collect()
    gc.freeze()
    return keeps_frozen


@contextmanager
def quiet_collector(keeps_frozen: bool) -> Iterator[None]:
    """Collect nothing but when the kernel does."""
    collecting = gc.isenabled()
    # Off for the whole run: between two slices an automatic collection would come as often as observers store things.
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        if not keeps_frozen:
            gc.unfreeze()
        gc.collect()


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C end the run at the next instant instead of raising in the middle of a host's code."""
    try:
        before = signal.signal(signal.SIGINT, lambda *_: interrupt())
    except ValueError:  # not the main thread, where Python takes no signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
