"""Ours: the whole judgement, from the reads to the smallest cycle of each kind."""

from benchmarks.isolation import Histories
from benchmarks.work import Outcome, Timed
from simkit.checks.isolation import judge_isolation


def prepare(given: Histories) -> Timed:
    """Judge by serializability."""

    def run() -> Outcome:
        found = judge_isolation(given.transactions, "serializable")
        order = [index for each in found.forbidden for index in each.transactions]
        return Outcome(len(given.transactions), None, order, {"cycles": len(found.forbidden)})

    return run
