"""What a scenario file can set of every fleet; a system's own fleets add their settings in a subclass.

It deliberately does not say what devices do: that is the fleet's code.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from simkit.language.units import Duration, Fraction

DEVICES_MAX: Final = 10_000_000
"""At 24 bytes each, a quarter of a gigabyte."""


def _positive(tick: Duration) -> Duration:
    if tick <= 0:
        raise ValueError("a tick is longer than 0s; 1ns is as fine as time gets")
    return tick


class FleetConfig(BaseModel):
    """How many devices a fleet has, and how finely it tells their times apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: int = Field(1000, ge=1, le=DEVICES_MAX)
    """How many there are; a change takes effect at the next boot."""
    tick: Annotated[Duration, AfterValidator(_positive)] = Duration(10_000_000)
    """Devices that are due within one tick wake together, at its end."""
    order: Literal["device", "due"] = "device"
    """In which order: by their numbers, or by the moments at which they were due."""
    down: Fraction = Fraction(0)
    """The share of devices that do not run; `config_push` changes it while the fleet runs."""
