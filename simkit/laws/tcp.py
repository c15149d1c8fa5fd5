"""TCP's steady throughput, as loss and round trips decide it.

Symbols: p is the probability that a packet is lost, W the congestion window in packets, MSS the bytes of a packet, b
the packets that one acknowledgement covers (2 with delayed acknowledgements), T0 the first retransmission time-out.
Sources: M. Mathis, J. Semke, J. Mahdavi, T. Ott, "The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm",
Computer Communication Review 27(3) (1997); T. Ott, J. Kemperman, M. Mathis, "The Stationary Behavior of Ideal TCP
Congestion Avoidance" (1996); J. Padhye, V. Firoiu, D. Towsley, J. Kurose, "Modeling TCP Throughput: A Simple Model and
its Empirical Validation", SIGCOMM 1998.

They deliberately speak of Reno alone, with unlimited data to send; a window that grows otherwise, as CUBIC's does, has
other laws.
"""

from math import sqrt

from simkit.laws import arguments

PERIODIC = sqrt(3 / 2)
"""Mathis's constant where every 1/p-th packet is lost and each packet is acknowledged."""

RANDOM = 1.3098
"""The same where each packet is lost by itself with probability p (Ott, Kemperman and Mathis)."""


def mathis_bytes_per_s(*, loss: float, rtt_s: float, packet_bytes: int, constant: float = PERIODIC) -> float:
    """Return C MSS / (RTT sqrt(p)): windows between W/2 and W, and no time-outs."""
    arguments.proper_fraction(loss=loss)
    arguments.positive(rtt_s=rtt_s, packet_bytes=packet_bytes, constant=constant)
    return constant * packet_bytes / (rtt_s * sqrt(loss))


def window_bytes_per_s(*, window_bytes: int, rtt_s: float) -> float:
    """Return the most that a window lets through, one of it in each round trip."""
    arguments.positive(window_bytes=window_bytes, rtt_s=rtt_s)
    return window_bytes / rtt_s


def padhye_packets_per_s(
    *, loss: float, rtt_s: float, timeout_s: float, acknowledged: int = 1, window_packets: float | None = None
) -> float:
    """Return the packets sent in a second, with time-outs and a bounded window (equation 32 of the paper).

    Args:
        loss: p, in (0, 1): of a packet that is the first to be lost in its round; the rest of the round is lost too.
        rtt_s, timeout_s: RTT and T0.
        acknowledged: b.
        window_packets: the largest window that the receiver grants; None for one that never matters.
    """
    arguments.proper_fraction(loss=loss)
    arguments.positive(rtt_s=rtt_s, timeout_s=timeout_s, acknowledged=acknowledged)
    p, b = loss, acknowledged
    base = (2 + b) / (3 * b)
    window = base + sqrt(8 * (1 - p) / (3 * b * p) + base**2)
    if window_packets is None or window < window_packets:
        rounds = b / 2 * window + 1
        reached = window
    else:
        arguments.positive(window_packets=window_packets)
        reached = window_packets
        rounds = b / 8 * reached + (1 - p) / (p * reached) + 2
    timed_out = _timeout_share(p, reached)
    sent = (1 - p) / p + reached + timed_out / (1 - p)
    return sent / (rtt_s * rounds + timed_out * timeout_s * _backed_off(p) / (1 - p))


def _timeout_share(p: float, window: float) -> float:
    """Return Q(p, w), the share of losses that end in a time-out."""
    if window <= 3:
        return 1.0
    q = 1 - p
    return min(1.0, (1 - q**3) * (1 + q**3 * float(1 - q ** (window - 3))) / float(1 - q**window))


def _backed_off(p: float) -> float:
    """Return f(p), which is the mean length of a sequence of time-outs in units of the first, times 1 - p."""
    return 1 + p + 2 * p**2 + 4 * p**3 + 8 * p**4 + 16 * p**5 + 32 * p**6
