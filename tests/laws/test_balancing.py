"""The supermarket model against its own differential equations, M/M/1 and published means."""

import numpy as np
import pytest

from simkit.laws import balancing, single_server


@pytest.mark.parametrize(("utilisation", "services"), [(0.7, 1.6145), (0.9, 2.6141), (0.95, 3.3830), (0.99, 5.4320)])
def test_published_means_of_two_choices(utilisation: float, services: float) -> None:
    law = balancing.mean_response_services(utilisation=utilisation, choices=2)
    assert law == pytest.approx(services, abs=5e-5)


@pytest.mark.parametrize(("utilisation", "choices"), [(0.5, 1), (0.8, 2), (0.95, 2), (0.9, 3), (0.99, 5)])
def test_nothing_flows_in_the_steady_state(utilisation: float, choices: int) -> None:
    shares = [balancing.queue_share(length, utilisation=utilisation, choices=choices) for length in range(60)]
    for shorter, here, longer in zip(shares, shares[1:], shares[2:], strict=False):
        arrive = utilisation * (shorter**choices - here**choices)
        assert arrive == pytest.approx(here - longer, abs=1e-12)


@pytest.mark.parametrize(("utilisation", "choices"), [(0.6, 1), (0.9, 2), (0.97, 4), (0.0, 2)])
def test_the_mean_time_follows_from_the_queues(utilisation: float, choices: int) -> None:
    present = sum(balancing.queue_share(n, utilisation=utilisation, choices=choices) for n in range(1, 400))
    law = balancing.mean_response_services(utilisation=utilisation, choices=choices)
    assert utilisation * law == pytest.approx(present)


def test_one_choice_is_no_choice() -> None:
    assert balancing.mean_response_services(utilisation=0.9, choices=1) == pytest.approx(
        single_server.mean_response_s(arrivals_per_s=0.9, service_s=1)
    )


def test_very_long_queues_are_nobodys() -> None:
    assert balancing.queue_share(2_000, utilisation=0.999, choices=2) == 0


def test_a_few_hundred_simulated_servers(draws: np.random.Generator) -> None:
    servers, utilisation, events = 300, 0.8, 200_000
    queues = [0] * servers
    present, area, counted = 0, 0.0, 0
    picks = draws.integers(servers, size=(events, 2)).tolist()
    arrives = (draws.random(events) < utilisation / (1 + utilisation)).tolist()
    # Uniformised: an event is an arrival, or a chance of service at one server, which an empty one lets pass.
    for event, (pick, other) in enumerate(picks):
        if arrives[event]:
            queues[pick if queues[pick] <= queues[other] else other] += 1
            present += 1
        elif queues[pick]:
            queues[pick] -= 1
            present -= 1
        if event > events // 4:
            area += present
            counted += 1
    law = balancing.mean_response_services(utilisation=utilisation, choices=2)
    assert area / counted / servers / utilisation == pytest.approx(law, rel=0.05)
