"""Gilbert-Elliott loss against packets that are really lost."""

import numpy as np
import pytest

from simkit.laws.bursts import GilbertElliott


def lost(channel: GilbertElliott, packets: int, draws: np.random.Generator) -> list[bool]:
    bad, result = False, []
    for move, loss in draws.random((packets, 2)).tolist():
        bad = move >= channel.bad_to_good if bad else move < channel.good_to_bad
        result.append(loss < (channel.loss_bad if bad else channel.loss_good))
    return result


@pytest.mark.parametrize(
    "channel",
    [
        GilbertElliott(good_to_bad=0.05, bad_to_good=0.25),
        GilbertElliott(good_to_bad=0.1, bad_to_good=0.3, loss_good=0.02, loss_bad=0.6),
        GilbertElliott(good_to_bad=0.5, bad_to_good=0.5, loss_good=0.2, loss_bad=0.2),
    ],
)
def test_packets_are_lost_as_often_and_as_long(channel: GilbertElliott, draws: np.random.Generator) -> None:
    result = np.array(lost(channel, 150_000, draws))
    bursts = (result[1:] & ~result[:-1]).sum()
    assert result.mean() == pytest.approx(channel.mean_loss, rel=0.04)
    assert result.sum() / bursts == pytest.approx(channel.mean_burst_packets, rel=0.04)


def test_the_simple_channel_is_bad_for_as_long_as_it_loses() -> None:
    channel = GilbertElliott(good_to_bad=0.01, bad_to_good=0.2)
    assert channel.mean_burst_packets == pytest.approx(5)
    assert channel.mean_loss == channel.bad_share == pytest.approx(0.01 / 0.21)


def test_a_channel_made_from_what_was_measured_has_just_that() -> None:
    channel = GilbertElliott.from_bursts(loss=0.03, burst_packets=8)
    assert channel.mean_loss == pytest.approx(0.03)
    assert channel.mean_burst_packets == pytest.approx(8)


def test_independent_losses_come_in_short_bursts() -> None:
    channel = GilbertElliott(good_to_bad=0.3, bad_to_good=0.7, loss_good=0.1, loss_bad=0.1)
    assert channel.mean_burst_packets == pytest.approx(1 / 0.9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no bursts"):
        _ = GilbertElliott(good_to_bad=0.1, bad_to_good=0.1, loss_bad=0.0).mean_burst_packets
    with pytest.raises(ValueError, match="no bursts"):
        _ = GilbertElliott(good_to_bad=0.1, bad_to_good=0.1, loss_good=1.0).mean_burst_packets
    with pytest.raises(ValueError, match="stay as it began"):
        GilbertElliott(good_to_bad=0, bad_to_good=0)
    with pytest.raises(ValueError, match="good_to_bad"):
        GilbertElliott.from_bursts(loss=0.9, burst_packets=1)
