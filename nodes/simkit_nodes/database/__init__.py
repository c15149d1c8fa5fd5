"""Distributed database: serializable SQL and key-value transactions over ranges that Raft replicates.

Read `interface.py` for what clients see, `range.py` for what a replicated range is, then `transactions/` for how both
are brought together. `docs/systems/database.md` says what is real and what is simplified.
"""
