"""The systems that simkit runs, one folder each, and the blocks that several of them share.

A system imports simkit and its blocks, never another system.
"""
