"""Multi-version concurrency control over an ordered key-value engine: versions, intents, tombstones, garbage.

`keys` says where a version stands in the engine, `record` what an intent and a transaction record hold, `read` finds
what a timestamp sees, `garbage` what no timestamp sees any more. It deliberately decides nothing about transactions:
an intent that is in the way is handed to the caller.
"""
