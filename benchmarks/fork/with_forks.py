"""simkit's own way: one child process for each branch, one after the other."""

from benchmarks.fork import Branches
from benchmarks.fork.large_world import digest_of_branch, processor_seconds, walked
from benchmarks.work import Outcome, Timed
from simkit.kernel.fork import Forks


def prepare(given: Branches) -> Timed:
    """Walk to the instant."""
    world = walked(given.items)

    def answer(number: int) -> bytes:
        return b"%d" % digest_of_branch(world, number, given.goes_on)

    def run() -> Outcome:
        began = processor_seconds()
        digests = [int(digest) for _, digest in Forks(1).grow(range(1, given.count + 1), answer)]
        return Outcome(len(digests), None, digests, seconds=processor_seconds() - began)

    return run
