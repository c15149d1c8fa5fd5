"""Protocols that several systems share, each under its textbook name and with its own tests.

Nothing here knows a system: a block takes what it needs (a disk, a clock, random numbers) as arguments.
"""
