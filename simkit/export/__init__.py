"""A finished run in the formats of other tools: tables for a notebook, a trace for a timeline viewer.

Everything here is a function of a run folder, the run document and the trace beside it; nothing looks into a world.
"""
