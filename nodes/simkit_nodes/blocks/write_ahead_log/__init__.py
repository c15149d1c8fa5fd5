"""A write-ahead log: numbered records on a host's disk, synced in groups, that survive a crash as a prefix."""

from simkit_nodes.blocks.write_ahead_log.frame import LogCorrupt
from simkit_nodes.blocks.write_ahead_log.write_ahead_log import LogFailed, WriteAheadLog

__all__ = ["LogCorrupt", "LogFailed", "WriteAheadLog"]
