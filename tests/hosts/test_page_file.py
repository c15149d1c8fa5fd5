"""Pages of a file: whole ones in, whole ones out, and what a power cut may tear."""

import pytest

from simkit.hosts.disk import Disk
from simkit.hosts.page_file import PageFile
from simkit.kernel import World


@pytest.fixture
def world():
    with_pages = World(seed=1)
    yield with_pages
    with_pages.close()


def run(world, coroutine):
    task = world.new_loop("host").create_task(coroutine)
    world.run(world.now_ns + 10**9)
    return task.result()


def test_pages_are_written_and_read_by_number(world):
    pages = PageFile(Disk(world, "host"), "table", page_size=8)

    async def program():
        await pages.write(2, b"thirdpag")
        await pages.write(0, b"firstpag")
        return [await pages.read(number) for number in range(len(pages))]

    assert run(world, program()) == [b"firstpag", bytes(8), b"thirdpag"]


def test_a_page_that_is_not_there_or_not_whole_is_refused(world):
    pages = PageFile(Disk(world, "host"), "table", page_size=8)
    assert len(pages) == 0
    with pytest.raises(IndexError, match="table has 0 pages, there is none of number 0"):
        run(world, pages.read(0))
    with pytest.raises(IndexError, match="no page of number -1"):
        run(world, pages.write(-1, bytes(8)))
    with pytest.raises(ValueError, match="a page of table has 8 bytes, not 7"):
        run(world, pages.write(0, bytes(7)))
    with pytest.raises(ValueError, match="positive"):
        PageFile(pages.disk, "table", 0)


def test_a_page_of_many_sectors_can_be_torn_and_one_of_a_single_sector_cannot(world):
    disk = Disk(world, "host")
    large, small = PageFile(disk, "large", 4096), PageFile(disk, "small", 512)

    async def once():
        for pages in (large, small):
            await pages.write(0, b"a" * pages.page_size)
            await pages.sync()
            await pages.write(0, b"b" * pages.page_size)
        disk.power_cut()
        return [len(set(await pages.read(0))) == 2 for pages in (large, small)]

    torn = [run(world, once()) for _ in range(40)]
    assert any(large_torn for large_torn, _ in torn)
    assert not any(small_torn for _, small_torn in torn)
