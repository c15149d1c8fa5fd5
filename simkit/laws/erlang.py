"""M/M/c: Poisson arrivals, exponential service, c equal servers, one queue in the order of arrival.

Symbols: c servers, arrival rate lambda, mean service time 1/mu, offered load a = lambda / mu in erlangs, B and C the
probabilities of Erlang's two formulas. Sources: A. K. Erlang, "Solution of Some Problems in the Theory of
Probabilities of Significance in Automatic Telephone Exchanges" (1917); L. Kleinrock, "Queueing Systems, Volume 1:
Theory" (1975), chapter 3.

It deliberately knows no impatience and no limit on the queue: `finite_buffer` has the limit.
"""

from math import exp, expm1, log

from simkit.laws import arguments
from simkit.laws.bisection import crossing


def blocking_probability(*, servers: int, load_erlangs: float) -> float:
    """Return Erlang B: the share of arrivals that find all servers busy where nobody waits (M/M/c/c).

    B(c, a) = (a^c / c!) / sum_{k=0}^{c} a^k / k!, by the recursion B(k) = a B(k-1) / (k + a B(k-1)) from B(0) = 1,
    which neither overflows nor cancels. Holds for every distribution of service time with the same mean.
    """
    arguments.count(0, servers=servers)
    arguments.not_negative(load_erlangs=load_erlangs)
    blocking = 1.0
    for server in range(1, servers + 1):
        blocking = load_erlangs * blocking / (server + load_erlangs * blocking)
    return blocking


def waiting_probability(*, servers: int, load_erlangs: float) -> float:
    """Return Erlang C: the share of arrivals that must wait where all wait, C = B / (1 - (a/c) (1 - B)); a < c."""
    arguments.count(servers=servers)
    arguments.not_negative(load_erlangs=load_erlangs)
    arguments.steady(load_erlangs, servers)
    blocking = blocking_probability(servers=servers, load_erlangs=load_erlangs)
    return blocking / (1 - load_erlangs / servers * (1 - blocking))


def mean_wait_s(*, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean time in the queue over all arrivals, Wq = C / (c mu - lambda)."""
    waiting, drain_per_s = _waiting(servers, arrivals_per_s, service_s)
    return waiting / drain_per_s


def mean_response_s(*, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean time from arrival to completion, Wq + 1/mu."""
    return mean_wait_s(servers=servers, arrivals_per_s=arrivals_per_s, service_s=service_s) + service_s


def mean_queue(*, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean number of jobs that wait, Lq = lambda Wq."""
    return arrivals_per_s * mean_wait_s(servers=servers, arrivals_per_s=arrivals_per_s, service_s=service_s)


def wait_survival(wait_s: float, *, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the share of arrivals that wait longer than `wait_s` >= 0, C e^{-(c mu - lambda) t}."""
    arguments.not_negative(wait_s=wait_s)
    waiting, drain_per_s = _waiting(servers, arrivals_per_s, service_s)
    return waiting * exp(-drain_per_s * wait_s)


def wait_quantile_s(probability: float, *, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the wait that a share `probability` of the arrivals does not exceed; 0 where that many never wait."""
    arguments.proper_fraction(probability=probability)
    waiting, drain_per_s = _waiting(servers, arrivals_per_s, service_s)
    longer = 1 - probability
    return log(waiting / longer) / drain_per_s if waiting > longer else 0.0


def response_survival(response_s: float, *, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the share of arrivals that are not done after `response_s` >= 0.

    Wait and service are independent: e^{-mu t} (1 + C (1 - e^{-mu t x}) / x) with x = c - 1 - a, and in the limit
    x = 0, e^{-mu t} (1 + C mu t).
    """
    arguments.not_negative(response_s=response_s)
    waiting, _ = _waiting(servers, arrivals_per_s, service_s)
    services = response_s / service_s
    x = servers - 1 - arrivals_per_s * service_s
    # Written with the slower of the two rates in front, so that nothing overflows and the difference does not cancel.
    gap = abs(x)
    between = -expm1(-gap * services) / gap if gap > 0 else services
    return exp(-services) + waiting * exp(-min(1.0, 1.0 + x) * services) * between


def response_quantile_s(probability: float, *, servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the response time that a share `probability` of the arrivals does not exceed."""
    arguments.proper_fraction(probability=probability)

    def late(response_s: float) -> float:
        return -response_survival(response_s, servers=servers, arrivals_per_s=arrivals_per_s, service_s=service_s)

    return crossing(late, probability - 1, high=service_s)


def _waiting(servers: int, arrivals_per_s: float, service_s: float) -> tuple[float, float]:
    """Return Erlang C and the rate c mu - lambda at which a queue drains."""
    arguments.not_negative(arrivals_per_s=arrivals_per_s)
    arguments.positive(service_s=service_s)
    waiting = waiting_probability(servers=servers, load_erlangs=arrivals_per_s * service_s)
    return waiting, servers / service_s - arrivals_per_s
