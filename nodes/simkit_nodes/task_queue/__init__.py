"""Distributed task queue: clients, a Redis broker with an append-only file, workers with leases, the world they change.

Read `scripts.py` first: it is the protocol. `docs/systems/task_queue.md` says what is real and what is simplified.
"""
