"""The slow, certain way to a queue's steady state: write down its Markov chain and solve the balance equations."""

from collections.abc import Callable, Hashable, Iterable

import numpy as np
import pytest

State = Hashable
Moves = Callable[[State], Iterable[tuple[State, float]]]


def solve(start: State, moves: Moves) -> dict[State, float]:
    """Return the share of time in each state reachable from `start`; `moves` yields (next state, rate per second)."""
    places, order = {start: 0}, [start]
    flows = []
    for state in order:
        for target, rate_per_s in moves(state):
            if target not in places:
                places[target] = len(order)
                order.append(target)
            flows.append((places[state], places[target], rate_per_s))
    generator = np.zeros((len(order), len(order)))
    for here, there, rate_per_s in flows:
        generator[here, there] += rate_per_s
        generator[here, here] -= rate_per_s
    balance = generator.T.copy()
    balance[0] = 1.0  # one equation follows from the others; the shares sum to 1 instead
    right = np.zeros(len(order))
    right[0] = 1.0
    return dict(zip(order, np.linalg.solve(balance, right), strict=True))


@pytest.fixture(scope="session")
def steady_state() -> Callable[[State, Moves], dict[State, float]]:
    return solve


@pytest.fixture
def draws() -> np.random.Generator:
    return np.random.default_rng(20_260_101)
