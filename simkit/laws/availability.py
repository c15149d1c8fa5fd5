"""How often enough of several members are up, each up or down on its own.

Symbols: n members, each up with probability p (its mean time to failure over that plus its mean time to repair); k of
them are needed. Source: any text on reliability, for instance K. S. Trivedi, "Probability and Statistics with
Reliability, Queuing, and Computer Science Applications" (2nd edition, 2002).

It deliberately knows no common cause: members that fail together (one rack, one release) make all of this too good.
"""

from collections.abc import Sequence
from math import fsum

from simkit.laws import arguments, binomial


def of_member(*, failure_s: float, repair_s: float) -> float:
    """Return the share of time that a member is up, MTTF / (MTTF + MTTR)."""
    arguments.positive(failure_s=failure_s)
    arguments.not_negative(repair_s=repair_s)
    return failure_s / (failure_s + repair_s)


def k_of_n(*, needed: int, members: int, member: float) -> float:
    """Return the probability that at least `needed` of `members` are up, sum_{i>=k} C(n, i) p^i (1-p)^{n-i}."""
    return binomial.at_least(needed, trials=members, success=member)


def majority(*, members: int, member: float) -> float:
    """Return the probability that more than half of `members` are up."""
    arguments.count(members=members)
    return k_of_n(needed=members // 2 + 1, members=members, member=member)


def k_of_unequal(*, needed: int, members: Sequence[float]) -> float:
    """Return the probability that at least `needed` members are up, each with its own availability."""
    arguments.count(0, needed=needed)
    up = [1.0]
    for member in members:
        arguments.fraction(members=member)
        up = [
            (up[number] * (1 - member) if number < len(up) else 0.0) + (up[number - 1] * member if number else 0.0)
            for number in range(len(up) + 1)
        ]
    return fsum(up[needed:])


def in_series(members: Sequence[float]) -> float:
    """Return the availability of a chain that needs every member."""
    return k_of_unequal(needed=len(members), members=members)
