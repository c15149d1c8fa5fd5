"""How often to save: a checkpoint costs time now, a failure costs the work since the last one.

Symbols: M mean time between failures (a Poisson process), delta the time to write a checkpoint, R the time to restart,
tau the useful work between two checkpoints. Failures may also strike while writing and restarting. Sources:
J. W. Young, "A First Order Approximation to the Optimum Checkpoint Interval", CACM 17(9) (1974); J. T. Daly, "A Higher
Order Estimate of the Optimum Checkpoint Interval for Restart Dumps", Future Generation Computer Systems 22(3) (2006).

It deliberately models checkpoints that stop the work; one written in the background costs less than delta.
"""

from math import exp, expm1, sqrt

from simkit.laws import arguments
from simkit.laws.bisection import crossing


def young_interval_s(*, checkpoint_s: float, failure_s: float) -> float:
    """Return Young's interval, sqrt(2 delta M); good while delta is far below M."""
    arguments.positive(checkpoint_s=checkpoint_s, failure_s=failure_s)
    return sqrt(2 * checkpoint_s * failure_s)


def daly_interval_s(*, checkpoint_s: float, failure_s: float) -> float:
    """Return Daly's higher-order interval.

    sqrt(2 delta M) (1 + x/3 + x^2/9) - delta with x = sqrt(delta / 2M), and M from delta = 2M on.
    """
    arguments.positive(checkpoint_s=checkpoint_s, failure_s=failure_s)
    if checkpoint_s >= 2 * failure_s:
        return failure_s
    x = sqrt(checkpoint_s / (2 * failure_s))
    return sqrt(2 * checkpoint_s * failure_s) * (1 + x / 3 + x * x / 9) - checkpoint_s


def best_interval_s(*, checkpoint_s: float, failure_s: float) -> float:
    """Return the interval that minimises `slowdown`: the root of tau / M + e^{-(tau + delta) / M} = 1."""
    arguments.positive(checkpoint_s=checkpoint_s, failure_s=failure_s)

    def cost_rises(share: float) -> float:
        return share + expm1(-(share + checkpoint_s / failure_s))

    return failure_s * crossing(cost_rises, 0.0)


def slowdown(*, interval_s: float, checkpoint_s: float, restart_s: float, failure_s: float) -> float:
    """Return the mean time to finish over the useful work, (M / tau) e^{R/M} (e^{(tau + delta)/M} - 1)."""
    arguments.positive(interval_s=interval_s, failure_s=failure_s)
    arguments.not_negative(checkpoint_s=checkpoint_s, restart_s=restart_s)
    arguments.exponent(cycle_over_failure_s=(interval_s + checkpoint_s + restart_s) / failure_s)
    return failure_s / interval_s * exp(restart_s / failure_s) * expm1((interval_s + checkpoint_s) / failure_s)
