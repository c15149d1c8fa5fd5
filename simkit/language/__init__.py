"""The scenario language: from one YAML file to a checked, immutable scenario.

This room reads, checks and explains files. It deliberately makes no world: it never builds a host, a link or a fault's
effect, and what it hands on is plain frozen data.
"""
