"""What an engine has done, counted.

It deliberately knows no metrics of a host: whoever owns the engine publishes these under names of its own.
"""

from dataclasses import dataclass


@dataclass
class Statistics:
    """Counts since the engine was opened."""

    written_bytes: int = 0
    """Keys and values of all batches."""
    flushed_bytes: int = 0
    """Tables written out of memtables."""
    compacted_bytes: int = 0
    """Tables written by compactions."""
    read_for_compaction_bytes: int = 0
    """Tables read by compactions."""
    flushes: int = 0
    compactions: int = 0
    moves: int = 0
    """Compactions that only gave a table another level."""
    filtered: int = 0
    """Tables that a Bloom filter spared a read."""
    stalls: int = 0
    """Times that a group of writes had to wait for flushes or compactions."""
    refused: int = 0
    """Batches that found the disk full."""

    @property
    def write_amplification(self) -> float:
        """Bytes written to tables for each byte of the batches; the log would add one. 0 before the first write."""
        return (self.flushed_bytes + self.compacted_bytes) / self.written_bytes if self.written_bytes else 0.0
