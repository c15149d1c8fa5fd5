"""A task that starts over from nothing when its worker fails, and is taken up again some time later.

Symbols: the task needs d of undisturbed work; failures come as a Poisson process of rate v while it is worked on; each
failure costs R until somebody begins anew (detection and redelivery). Failures during R are not counted: somebody else
works. Sources: V. G. Kulkarni, V. F. Nicola, K. S. Trivedi, "The Completion Time of a Job on Multimode Systems",
Advances in Applied Probability 19(4) (1987); S. Asmussen, P. Fiorini, L. Lipsky, T. Rolski, R. Sheahan, "Asymptotic
Behavior of Total Times for Jobs That Must Start Over If a Failure Occurs", Mathematics of Operations Research 33(4)
(2008).

It deliberately takes one task length: mixed over random lengths the total time has a heavy tail, and its mean may not
exist.
"""

from math import exp, expm1

from simkit.laws import arguments


def mean_attempts(*, task_s: float, failures_per_s: float) -> float:
    """Return the mean number of attempts, the last included, e^{v d}."""
    arguments.not_negative(task_s=task_s, failures_per_s=failures_per_s)
    arguments.exponent(failures_per_s_times_task_s=failures_per_s * task_s)
    return exp(failures_per_s * task_s)


def mean_time_s(*, task_s: float, failures_per_s: float, redelivery_s: float = 0.0) -> float:
    """Return the mean time from the first begin to the end, (e^{v d} - 1) (1/v + R); d where nothing fails."""
    arguments.not_negative(task_s=task_s, failures_per_s=failures_per_s, redelivery_s=redelivery_s)
    arguments.exponent(failures_per_s_times_task_s=failures_per_s * task_s)
    if failures_per_s == 0:
        return task_s
    return expm1(failures_per_s * task_s) * (1 / failures_per_s + redelivery_s)


def attempts_survival(attempts: int, *, task_s: float, failures_per_s: float) -> float:
    """Return the probability that more than `attempts` attempts are needed, (1 - e^{-v d})^n."""
    arguments.count(0, attempts=attempts)
    arguments.not_negative(task_s=task_s, failures_per_s=failures_per_s)
    return (-expm1(-failures_per_s * task_s)) ** attempts
