"""Gilbert-Elliott loss: a link that is good or bad, and loses more while bad.

Symbols: before each packet the link goes from good to bad with probability p, from bad to good with probability r; a
packet is lost with probability `loss_good` or `loss_bad` by the state it meets. Sources: E. N. Gilbert, "Capacity of a
Burst-Noise Channel", Bell System Technical Journal 39(5) (1960); E. O. Elliott, "Estimates of Error Rates for Codes on
Burst-Noise Channels", Bell System Technical Journal 42(5) (1963).

It deliberately counts packets, not seconds: the state moves with each packet, as in the papers.
"""

from dataclasses import dataclass

from simkit.laws import arguments


@dataclass(frozen=True)
class GilbertElliott:
    """The four parameters of the model, each a probability; the defaults of the losses are Gilbert's simple channel."""

    good_to_bad: float
    bad_to_good: float
    loss_good: float = 0.0
    loss_bad: float = 1.0

    def __post_init__(self) -> None:
        arguments.fraction(
            good_to_bad=self.good_to_bad,
            bad_to_good=self.bad_to_good,
            loss_good=self.loss_good,
            loss_bad=self.loss_bad,
        )
        if self.good_to_bad + self.bad_to_good == 0:
            raise ValueError("good_to_bad and bad_to_good cannot both be 0: the link would stay as it began")

    @classmethod
    def from_bursts(cls, *, loss: float, burst_packets: float) -> "GilbertElliott":
        """Return the simple channel with this mean loss and mean number of packets lost in a row.

        r = 1 / burst and p = r loss / (1 - loss). Bursts shorter than 1 / (1 - loss) would need packets that avoid
        one another and are refused where p would exceed 1.
        """
        arguments.proper_fraction(loss=loss)
        if not burst_packets >= 1:
            raise ValueError(f"burst_packets must be at least 1, not {burst_packets}")
        bad_to_good = 1 / burst_packets
        return cls(good_to_bad=bad_to_good * loss / (1 - loss), bad_to_good=bad_to_good)

    @property
    def bad_share(self) -> float:
        """The share of packets that meet the bad state, p / (p + r)."""
        return self.good_to_bad / (self.good_to_bad + self.bad_to_good)

    @property
    def mean_loss(self) -> float:
        """The share of packets lost, (r loss_good + p loss_bad) / (p + r)."""
        return (1 - self.bad_share) * self.loss_good + self.bad_share * self.loss_bad

    @property
    def mean_burst_packets(self) -> float:
        """The mean number of packets lost in a row; 1/r for the simple channel.

        Every burst begins with a packet that is lost after one that is not, so that the mean length is the share of
        lost packets over the share of such pairs. A link that loses nothing or everything has none: ValueError.
        """
        begun_good = (1 - self.bad_share) * (1 - self.loss_good)
        begun_bad = self.bad_share * (1 - self.loss_bad)
        after_good = (1 - self.good_to_bad) * self.loss_good + self.good_to_bad * self.loss_bad
        after_bad = self.bad_to_good * self.loss_good + (1 - self.bad_to_good) * self.loss_bad
        begins = begun_good * after_good + begun_bad * after_bad
        if begins == 0:
            raise ValueError("a link that loses nothing, or everything, has no bursts")
        return self.mean_loss / begins
