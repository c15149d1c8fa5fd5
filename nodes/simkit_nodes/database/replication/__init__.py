"""Ranges replicated by Raft: many groups on one store, over one log and one engine.

`store.py` beside this folder drives them; a `Replica` is one store's copy of one range and what transactions see as a
`Range`.
"""
