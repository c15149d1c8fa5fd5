"""The fault points that programs of the database pass, and what a crash at each of them finds.

They deliberately carry no numbers: which time a point is passed, a scenario says.
"""

from collections.abc import Mapping
from typing import Final

POINTS: Final[Mapping[str, str]] = {
    "log-written": "entries of the Raft log written, and not synced",
    "log-synced": "entries of the Raft log durable, and nobody told",
    "log-cut": "one segment of the log deleted, perhaps not the last one to be",
    "batch-logged": "a batch in the engine's own log, and not in its memtable",
    "table-written": "a sorted table written whole, and not synced",
    "tables-durable": "new sorted tables durable, and in no manifest",
    "manifest-edited": "a flush or a compaction in the manifest, and the old files still there",
    "table-deleted": "one of the old files deleted",
    "neighbour-frozen": "the right neighbour frozen on all its replicas, and no merge proposed",
    "neighbour-merged": "two ranges merged, and the meta rows telling of both",
    "meta-row-written": "the merged range in its meta row, and the left one's old row still there",
    "archive-written": "a backup durable under its temporary name",
    "told-before-kept": "changes told to the feed's readers, and its place not kept",
}
