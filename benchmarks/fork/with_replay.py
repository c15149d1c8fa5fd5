"""Without forks: for each branch the world is made anew and walks to the instant."""

from benchmarks.fork import Branches
from benchmarks.fork.large_world import digest_of_branch, walked
from benchmarks.work import Outcome, Timed


def prepare(given: Branches) -> Timed:
    """Prepare nothing."""

    def run() -> Outcome:
        numbers = range(1, given.count + 1)
        digests = [digest_of_branch(walked(given.items), number, given.goes_on) for number in numbers]
        return Outcome(len(digests), None, digests)

    return run
