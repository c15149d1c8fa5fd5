"""simkit's own pool: worker interpreters that are warm, one seed at a time."""

from benchmarks.rounds import ROOT
from benchmarks.sweep import Seeds
from benchmarks.work import Outcome, Timed
from simkit.explore.pool import Pool

CALL = "benchmarks.sweep.small_world:call"


def prepare(given: Seeds) -> Timed:
    """Start the workers, and let each do a run."""
    pool = Pool(path=(str(ROOT),))
    list(pool.map(CALL, [{"seed": 0}] * pool.size))

    def run() -> Outcome:
        answers = pool.map(CALL, [{"seed": seed} for seed in range(1, given.count + 1)])
        digests = sorted(int(answer.get("result", 0)) for _, answer in answers)
        pool.close()
        return Outcome(len(digests), None, digests)

    return run
