"""How much faster n workers are than one: Amdahl's law, Gustafson's, and the Universal Scalability Law.

Sources: G. M. Amdahl, "Validity of the Single Processor Approach to Achieving Large Scale Computing Capabilities",
AFIPS (1967); J. L. Gustafson, "Reevaluating Amdahl's Law", CACM 31(5) (1988); N. J. Gunther, "Guerrilla Capacity
Planning" (2007).

It deliberately fits nothing: coefficients come from measurement or from a queueing model.
"""

from math import inf, sqrt

from simkit.laws import arguments


def amdahl(workers: float, *, parallel: float) -> float:
    """Return the speed-up of one job of which a share p runs on all workers, 1 / ((1 - p) + p / n)."""
    _at_least_one(workers)
    arguments.fraction(parallel=parallel)
    return 1 / ((1 - parallel) + parallel / workers)


def gustafson(workers: float, *, parallel: float) -> float:
    """Return the speed-up where the job grows with the workers, (1 - p) + p n; p is measured on the n workers."""
    _at_least_one(workers)
    arguments.fraction(parallel=parallel)
    return (1 - parallel) + parallel * workers


def universal(workers: float, *, contention: float, coherency: float) -> float:
    """Return the relative throughput of n workers, n / (1 + alpha (n - 1) + beta n (n - 1)) (Gunther).

    With coherency (beta) 0 this is Amdahl's law with a serial share of alpha.
    """
    _at_least_one(workers)
    arguments.fraction(contention=contention)
    arguments.not_negative(coherency=coherency)
    return workers / (1 + contention * (workers - 1) + coherency * workers * (workers - 1))


def best_workers(*, contention: float, coherency: float) -> float:
    """Return the number of workers of the highest throughput, sqrt((1 - alpha) / beta), at least 1; infinite at 0."""
    arguments.fraction(contention=contention)
    arguments.not_negative(coherency=coherency)
    if coherency == 0:
        return inf if contention < 1 else 1.0
    return max(1.0, sqrt((1 - contention) / coherency))


def _at_least_one(workers: float) -> None:
    if not 1 <= workers < inf:
        raise ValueError(f"workers must be finite and at least 1, not {workers}")
