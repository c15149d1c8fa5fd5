"""What trying again costs: attempts, amplification through layers, budgets, throttling.

Sources: B. Beyer, C. Jones, J. Petoff, N. R. Murphy (editors), "Site Reliability Engineering" (2016), chapter 21
(retry budgets, client-side throttling) and chapter 22 (amplification); N. Bronson, A. Aghayev, A. Charapko, T. Zhu,
"Metastable Failures in Distributed Systems", HotOS (2021).

It deliberately has no time in it: when the attempts are made is `backoff`.
"""

from simkit.laws import arguments


def mean_attempts(*, failure: float, attempts_max: int) -> float:
    """Return the mean number of attempts when each fails alone with probability p, (1 - p^n) / (1 - p); n at p = 1."""
    arguments.fraction(failure=failure)
    arguments.count(attempts_max=attempts_max)
    return float(attempts_max) if failure == 1 else (1 - failure**attempts_max) / (1 - failure)


def amplification(*, layers: int, attempts_max: int, failure: float = 1.0) -> float:
    """Return the calls at the bottom of a chain of layers per call at its top, (mean attempts of one layer)^layers.

    Exact where the bottom always fails (p = 1: attempts^layers), and where each layer's attempts fail alone with
    probability p.
    """
    arguments.count(0, layers=layers)
    return mean_attempts(failure=failure, attempts_max=attempts_max) ** layers


def budgeted_amplification(*, layers: int, budget: float) -> float:
    """Return the most that amplification can be when each layer's retries are at most a share of its calls."""
    arguments.count(0, layers=layers)
    arguments.not_negative(budget=budget)
    return (1 + budget) ** layers


def acknowledged_attempts(*, loss: float, acknowledgement_loss: float) -> float:
    """Return the mean sends until one is acknowledged, 1 / ((1 - p) (1 - q)), stop and wait without a limit."""
    _below_one(loss=loss, acknowledgement_loss=acknowledgement_loss)
    return 1 / ((1 - loss) * (1 - acknowledgement_loss))


def delivered_copies(*, acknowledgement_loss: float) -> float:
    """Return the mean copies that arrive until one is acknowledged, 1 / (1 - q): what at-least-once duplicates."""
    _below_one(acknowledgement_loss=acknowledgement_loss)
    return 1 / (1 - acknowledgement_loss)


def overload_persists_above_per_s(*, capacity_per_s: float, retries: int) -> float:
    """Return the rate of fresh requests above which an overload outlives its trigger, mu / (R + 1).

    In the overloaded state every request is sent R + 1 times and none helps, so that the offered rate stays above the
    capacity exactly when lambda (R + 1) > mu.
    """
    arguments.positive(capacity_per_s=capacity_per_s)
    arguments.count(0, retries=retries)
    return capacity_per_s / (retries + 1)


def throttled_load_per_s(*, demand_per_s: float, capacity_per_s: float, multiplier: float) -> float:
    """Return what reaches a backend whose clients throttle themselves, min(demand, K times what it accepts).

    Clients drop a request with probability max(0, (requests - K accepts) / (requests + 1)); K >= 1. A backend that
    accepts up to its capacity and refuses the rest for nothing then receives K times its capacity under overload.
    """
    arguments.not_negative(demand_per_s=demand_per_s, capacity_per_s=capacity_per_s)
    if not multiplier >= 1:
        raise ValueError(f"multiplier must be at least 1, not {multiplier}")
    return min(demand_per_s, multiplier * min(demand_per_s, capacity_per_s))


def _below_one(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {value}")
