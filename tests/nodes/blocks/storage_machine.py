"""A host with a disk for blocks that store things: one program after another, with crashes between and within."""

from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import DiskModel
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.kernel.distribution import Constant

SECOND = 10**9
QUICK = DiskModel(read=Constant(1_000), write=Constant(100), sync=Constant(10_000), write_back_ns=None)


class Crashed(Exception):
    """The machine ended before the program did."""


class Machine:
    """A host; `run` boots it with a program and waits for the program's end."""

    def __init__(self, seed=1, model=QUICK):
        self.world = World(seed)
        self.host = Host(self.world, "store", disk=Disk(self.world, "store", model))
        self.disk = self.host.disk
        self.points = 0
        self.host.fault_points.watch(self._reached)
        self.failures = []
        self.host.on_failure = lambda host, error: self.failures.append(error)

    def _reached(self, name):
        self.points += 1

    def run(self, program, *arguments, within_s=3600):
        """Return what ``program(disk, *arguments)`` returns; the process is killed when it ends.

        Crashed if the machine ended first, TimeoutError if nothing did.
        """
        ended = []

        async def main(host):
            try:
                ended.append((await program(self.disk, *arguments), None))
            except Exception as error:
                ended.append((None, error))
            self.world.stop()
            await host.loop.create_future()

        self.host.program = main
        self.host.listeners[:] = [lambda host, transition: transition == "boot" or self.world.stop()]
        self.world.stopping = False
        self.host.boot()
        self.world.run(self.world.now_ns + within_s * SECOND)
        self.host.kill()
        if self.failures:
            raise self.failures.pop()  # of a task that nobody awaits
        if not ended:
            if self.world.stopping:
                raise Crashed
            raise TimeoutError("the program did not end")
        result, error = ended[0]
        if error is not None:
            raise error
        return result

    def crash_at(self, ordinal, manner):
        """Let the machine end at the n-th fault point from now on; return what calls it off."""
        return self.host.fault_points.at(None, ordinal, getattr(self.host, manner))

    def content(self, prefix=""):
        """Return the bytes of the files as the next process would find them."""
        return {name: bytes(self.disk._file(name).content) for name in self.disk.names(prefix)}

    def put(self, name, content):
        """Put bytes into a file, durably, behind everybody's back."""

        async def write(disk):
            if disk.exists(name):
                await disk.delete(name)
            await disk.append(name, content)
            await disk.sync(name)
            await disk.sync_directory()

        self.run(write)

    def close(self):
        self.world.close()
