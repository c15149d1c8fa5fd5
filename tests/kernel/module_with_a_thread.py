"""A module as some libraries are: importing it starts a thread."""

import threading

wake = threading.Event()
sweeper = threading.Thread(target=wake.wait, name="sweeper", daemon=True)
sweeper.start()
