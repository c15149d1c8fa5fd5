"""How an engine is cut: sizes, triggers, protections.

It deliberately holds no paths and no state: the same options serve every engine of a run.
"""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field


class LsmOptions(BaseModel):
    """Sizes are small beside a real engine's, as simulated data sets are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memtable_bytes: int = Field(default=512 * 1024, gt=0)
    """A memtable that has reached this size is written out as a table of level 0."""
    block_bytes: int = Field(default=4096, gt=0)
    """A block of a table is closed when it has reached this size, before compression."""
    table_bytes: int = Field(default=512 * 1024, gt=0)
    """A table that a compaction writes is closed when it has reached this size."""
    level_bytes: int = Field(default=2 * 1024 * 1024, gt=0)
    """How much level 1 may hold before it is compacted into level 2."""
    level_factor: int = Field(default=10, ge=2)
    """How many times as much the next level may hold."""
    level_count: int = Field(default=7, ge=2)
    """How many levels there are, level 0 included."""
    compact_at: int = Field(default=4, ge=1)
    """With so many tables, level 0 is compacted into level 1."""
    slow_at: int = Field(default=8, ge=1)
    """With so many tables in level 0, each group of writes waits a little."""
    stop_at: int = Field(default=12, ge=1)
    """With so many tables in level 0, writes wait until there are fewer."""
    slow_s: float = Field(default=0.001, ge=0)
    """How long a group of writes waits then, in seconds."""
    retry_s: float = Field(default=1.0, gt=0)
    """How long after the disk was full what runs in the background tries again, in seconds."""
    cache_bytes: int = Field(default=4 * 1024 * 1024, ge=0)
    """How much of the tables' blocks is kept in memory."""
    log_segment_bytes: int = Field(default=256 * 1024, gt=0)
    """The size of a segment of the log."""
    log_buffer_bytes: int = Field(default=64 * 1024, ge=0)
    """How much of what nobody wants synced may wait in the process; a kill loses it."""
    bloom_bits: int = Field(default=10, ge=0)
    """Bits of Bloom filter for each key; with 0 tables have none."""
    compress: bool = True
    """Whether blocks are compressed with lz4."""
    block_crc: bool = True
    """Whether the checksum of a block is compared when it is read. Without it, rotten bytes are taken for data."""
    prefix_of: Callable[[bytes], bytes | None] | None = None
    """The beginning of a key that the filters hold in its place, so that a scan within one such prefix uses them.

    None for a key that stands for itself. All keys that begin with a prefix must have it: of versions of a key,
    ``key + terminator + timestamp``, it is ``key + terminator``.
    """
