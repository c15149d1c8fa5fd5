"""M/M/c/K: at most K jobs in the system, waiting or served; who finds it full is turned away. M/M/1/K with one server.

Symbols: c servers, capacity K >= c, arrival rate lambda, mean service time 1/mu, offered load a = lambda / mu, which
may exceed c. Source: L. Kleinrock, "Queueing Systems, Volume 1: Theory" (1975), chapter 3.

It deliberately drops, and never pushes back: a source that stops sending while the buffer is full is another law.
"""

from math import exp, fsum, log

from simkit.laws import arguments


def number_probabilities(*, servers: int = 1, capacity: int, load_erlangs: float) -> tuple[float, ...]:
    """Return the shares of time with 0, 1, ..., K jobs present; p_n = p_{n-1} a / min(n, c), normalised."""
    arguments.count(servers=servers)
    arguments.count(servers, capacity=capacity)
    arguments.positive(load_erlangs=load_erlangs)
    # In logarithms: the products leave the range of floating point for long buffers.
    logs = [0.0]
    for number in range(1, capacity + 1):
        logs.append(logs[-1] + log(load_erlangs / min(number, servers)))
    highest = max(logs)
    weights = [exp(value - highest) for value in logs]
    total = fsum(weights)
    return tuple(weight / total for weight in weights)


def blocking_probability(*, servers: int = 1, capacity: int, load_erlangs: float) -> float:
    """Return the share of arrivals that find the system full and are lost; for c = 1, (1 - a) a^K / (1 - a^{K+1})."""
    return number_probabilities(servers=servers, capacity=capacity, load_erlangs=load_erlangs)[capacity]


def mean_number(*, servers: int = 1, capacity: int, load_erlangs: float) -> float:
    """Return the mean number of jobs present."""
    shares = number_probabilities(servers=servers, capacity=capacity, load_erlangs=load_erlangs)
    return fsum(number * share for number, share in enumerate(shares))


def mean_wait_s(*, servers: int = 1, capacity: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean time in the queue of the jobs that get in, by Little's law over the jobs that wait."""
    arguments.positive(arrivals_per_s=arrivals_per_s, service_s=service_s)
    shares = number_probabilities(servers=servers, capacity=capacity, load_erlangs=arrivals_per_s * service_s)
    waiting = fsum((number - servers) * share for number, share in enumerate(shares) if number > servers)
    return waiting / (arrivals_per_s * (1 - shares[capacity]))


def throughput_per_s(*, servers: int = 1, capacity: int, arrivals_per_s: float, service_s: float) -> float:
    """Return the rate of the jobs that get in and are served, lambda (1 - p_K)."""
    arguments.positive(arrivals_per_s=arrivals_per_s, service_s=service_s)
    return arrivals_per_s * (
        1 - blocking_probability(servers=servers, capacity=capacity, load_erlangs=arrivals_per_s * service_s)
    )
