"""Little's law: the mean number present is the arrival rate times the mean time spent, L = lambda W.

It holds for whatever box is drawn around a part of a system whose number present stays bounded, in whatever order and
with whatever distributions, and on a finite run exactly from one empty moment to the next. Source: J. D. C. Little,
"A Proof for the Queuing Formula: L = lambda W", Operations Research 9(3) (1961).

It is deliberately three divisions: its use is that two measured numbers check the third.
"""

from simkit.laws import arguments


def mean_number(*, arrivals_per_s: float, time_s: float) -> float:
    """Return the mean number present, L = lambda W."""
    arguments.not_negative(arrivals_per_s=arrivals_per_s, time_s=time_s)
    return arrivals_per_s * time_s


def mean_time_s(*, arrivals_per_s: float, number: float) -> float:
    """Return the mean time that one arrival spends inside, W = L / lambda."""
    arguments.positive(arrivals_per_s=arrivals_per_s)
    arguments.not_negative(number=number)
    return number / arrivals_per_s


def arrivals_per_s(*, number: float, time_s: float) -> float:
    """Return the rate of arrivals, which is also that of departures, lambda = L / W."""
    arguments.positive(time_s=time_s)
    arguments.not_negative(number=number)
    return number / time_s
