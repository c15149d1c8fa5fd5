"""Decoded blocks in memory, the least recently used going first.

It deliberately does not read: who misses something here goes to the disk itself.
"""

from simkit_nodes.blocks.lsm.block import Block


class BlockCache:
    """Blocks by table and number.

    Args:
        capacity: bytes of all blocks together.

    Attributes:
        hits: how often something was found.
        misses: how often something had to be read and was put here.
    """

    __slots__ = ("_blocks", "_capacity", "hits", "misses", "size")

    def __init__(self, capacity: int) -> None:
        self._blocks: dict[tuple[int, int], Block] = {}
        self._capacity = capacity
        self.size = 0
        self.hits = self.misses = 0

    def get(self, table: int, number: int) -> Block | None:
        """Return a block, and make it the most recently used."""
        place = (table, number)
        block = self._blocks.pop(place, None)
        if block is None:
            return None
        self._blocks[place] = block
        self.hits += 1
        return block

    def put(self, table: int, number: int, block: Block) -> None:
        """Keep a block that was read, at the cost of those that were not used for long."""
        self.misses += 1
        if block.size > self._capacity or (table, number) in self._blocks:
            return
        self._blocks[table, number] = block
        self.size += block.size
        while self.size > self._capacity:
            oldest = next(iter(self._blocks))
            self.size -= self._blocks.pop(oldest).size

    def forget(self, table: int, count: int) -> None:
        """Let go of the first `count` blocks of a table that is gone."""
        for number in range(count):
            block = self._blocks.pop((table, number), None)
            if block is not None:
                self.size -= block.size
