"""A log-structured merge tree: a memtable and a log in front of sorted tables in levels, on a host's disk.

`Engine` is what everybody codes against; `MemoryEngine` keeps everything in memory, for tests of what stands above.
"""

from simkit_nodes.blocks.lsm.archive import Archive, ArchiveWriter
from simkit_nodes.blocks.lsm.engine import Corruption, Engine, EngineFailed, OutOfSpace, Reader, Snapshot
from simkit_nodes.blocks.lsm.lsm_engine import LsmEngine
from simkit_nodes.blocks.lsm.memory_engine import MemoryEngine
from simkit_nodes.blocks.lsm.options import LsmOptions
from simkit_nodes.blocks.lsm.write_batch import WriteBatch

__all__ = [
    "Archive",
    "ArchiveWriter",
    "Corruption",
    "Engine",
    "EngineFailed",
    "LsmEngine",
    "LsmOptions",
    "MemoryEngine",
    "OutOfSpace",
    "Reader",
    "Snapshot",
    "WriteBatch",
]
