"""What a worker is asked to do so that it cannot be forked any more."""

import threading
from typing import Any


def keep_a_thread(say: Any) -> None:
    """Start a thread that waits until the worker ends."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
