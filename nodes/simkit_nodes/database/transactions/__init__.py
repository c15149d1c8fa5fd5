"""Transactions: at the gateway a coordinator, at the leaseholder the evaluation of its requests, between them pushes.

`coordinator` is what a client holds; `evaluator` serves a range; `latches`, `lock_table` and `timestamp_cache` are its
concurrency control; `push` and `recovery` are what becomes of transactions that are in the way.
"""
