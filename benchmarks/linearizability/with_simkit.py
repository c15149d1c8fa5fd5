"""simkit's search, keys apart, as the check does it."""

from benchmarks.linearizability import Histories, require_histories
from benchmarks.work import Outcome, Timed
from simkit.checks import linearize
from simkit.observe.history import Operation


def prepare(given: Histories) -> Timed:
    """Nothing is made beforehand: parts and entries belong to the work."""
    require_histories(given)

    def run() -> Outcome:
        verdicts = []
        for _ in range(given.repeat):
            verdicts = []
            for history in given.histories:
                parts: dict[object, list[Operation]] = {}
                for operation in history.operations:
                    parts.setdefault(history.model.partition(operation), []).append(operation)
                # porcupine stops at the first part that has no order; so does this.
                verdicts.append(all(linearize(history.model, part).verdict == "ok" for part in parts.values()))
        return Outcome(given.items, None, [int(each) for each in verdicts])

    return run
