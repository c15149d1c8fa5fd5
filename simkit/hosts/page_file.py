"""A file as an array of pages of one size, as database engines see their files.

It deliberately keeps no pages in memory and no checksums: a buffer pool and what protects a page belong to the engine
that is under test.
"""

from simkit.hosts.disk import Disk


class PageFile:
    """Pages of one file of a disk; operations raise what `Disk` raises.

    Args:
        disk: where the file is.
        path: its name; the first write creates it.
        page_size: bytes of a page. One that is larger than the disk's sector can be torn by a power cut.
    """

    def __init__(self, disk: Disk, path: str, page_size: int = 4096) -> None:
        if page_size <= 0:
            raise ValueError(f"a page has a positive number of bytes, not {page_size}")
        self.disk = disk
        self.path = path
        self.page_size = page_size

    def __len__(self) -> int:
        """Return how many pages there are; a torn last one counts."""
        return -(-self.disk.size(self.path) // self.page_size) if self.disk.exists(self.path) else 0

    async def read(self, number: int) -> bytes:
        """Return a page; only a torn last one is shorter than the others. IndexError for one that is not there."""
        if not 0 <= number < len(self):
            raise IndexError(f"{self.path} has {len(self)} pages, there is none of number {number}")
        return await self.disk.read(self.path, number * self.page_size, self.page_size)

    async def write(self, number: int, page: bytes) -> None:
        """Write a whole page; pages left out before it are zeros. ValueError for another size, IndexError below 0."""
        if len(page) != self.page_size:
            raise ValueError(f"a page of {self.path} has {self.page_size} bytes, not {len(page)}")
        if number < 0:
            raise IndexError(f"there is no page of number {number}")
        await self.disk.write(self.path, page, number * self.page_size)

    async def sync(self) -> None:
        """Make all pages durable that were written up to this call, and the file's name with them."""
        await self.disk.sync(self.path)
        await self.disk.sync_directory()
