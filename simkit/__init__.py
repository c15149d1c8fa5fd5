"""Deterministic simulation of distributed systems: one kernel, real systems, every failure a file you can share.

Authors of systems import `Node`, `Event` and their like from the rooms they live in; the command `simkit` runs files.
"""
