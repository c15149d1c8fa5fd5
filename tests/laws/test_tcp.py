"""The throughput of TCP: limits in which the laws agree, and numbers of the papers."""

from math import sqrt

import pytest

from simkit.laws import tcp


def test_mathis_is_the_sawtooth_between_half_a_window_and_a_window() -> None:
    # A window that grows from W/2 to W by one packet a round trip sends 3/8 W^2 packets, of which one is lost.
    window = 60
    loss = 1 / (3 / 8 * window**2)
    law = tcp.mathis_bytes_per_s(loss=loss, rtt_s=0.1, packet_bytes=1000)
    assert law == pytest.approx(3 / 4 * window * 1000 / 0.1)


def test_padhye_is_mathis_where_loss_is_rare() -> None:
    loss = 1e-7
    law = tcp.padhye_packets_per_s(loss=loss, rtt_s=0.1, timeout_s=0.3)
    assert law == pytest.approx(tcp.mathis_bytes_per_s(loss=loss, rtt_s=0.1, packet_bytes=1), rel=0.01)


def test_padhye_is_the_window_where_that_is_what_limits() -> None:
    law = tcp.padhye_packets_per_s(loss=1e-6, rtt_s=0.2, timeout_s=0.5, window_packets=20)
    assert law == pytest.approx(20 / 0.2, rel=0.01)
    assert tcp.window_bytes_per_s(window_bytes=20_000, rtt_s=0.2) == pytest.approx(1000 * 20 / 0.2)


@pytest.mark.parametrize("loss", [0.005, 0.02, 0.05])
def test_padhye_agrees_with_its_own_short_form(loss) -> None:
    # Equation 33 of the paper, with one acknowledgement for each packet.
    rtt_s, timeout_s = 0.15, 0.6
    timeouts = timeout_s * min(1, 3 * sqrt(3 * loss / 8)) * loss * (1 + 32 * loss**2)
    short = 1 / (rtt_s * sqrt(2 * loss / 3) + timeouts)
    assert tcp.padhye_packets_per_s(loss=loss, rtt_s=rtt_s, timeout_s=timeout_s) == pytest.approx(short, rel=0.2)


def test_delayed_acknowledgements_cost_throughput() -> None:
    each, second = (
        tcp.padhye_packets_per_s(loss=0.001, rtt_s=0.1, timeout_s=0.3, acknowledged=count) for count in (1, 2)
    )
    assert second == pytest.approx(each / sqrt(2), rel=0.05)


@pytest.mark.parametrize("wrong", [{"loss": 0}, {"loss": 1}, {"rtt_s": 0}, {"packet_bytes": -1}])
def test_what_is_outside_of_the_laws_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        tcp.mathis_bytes_per_s(**{"loss": 0.01, "rtt_s": 0.1, "packet_bytes": 1000, **wrong})
