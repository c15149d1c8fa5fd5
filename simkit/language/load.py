"""What every entry of `load:` has: where it comes from, how often, from when to when.

A system's own load model adds what one arrival is, such as the service time of a task.

It deliberately says nothing of what an arrival does: that is the business of the program on the host.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from simkit.language.units import Duration, Rate


class Load(BaseModel):
    """Arrivals at the hosts of one target."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)

    from_: Any = Field(alias="from", description="the hosts where it arrives")
    rate: Rate = Field(description="arrivals per second, of all hosts together or of each")
    process: Literal["poisson", "constant"] = Field(
        default="poisson", description="random and independent arrivals, or evenly spaced ones"
    )
    start: Duration = Field(default=Duration(0), description="when it begins")
    until: Duration | None = Field(default=None, description="when it ends; the end of the run if left out")
    count: int | None = Field(default=None, ge=0, le=100_000_000, description="how many arrivals in all, at most")
