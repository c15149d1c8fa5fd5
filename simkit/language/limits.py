"""The named limits a scenario file is read under: scenario files come from strangers.

Each limit has a name that its error message uses, so a user who meets one knows which. A file can never raise one:
they belong to the caller of the reader, not to what is read.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Upper bounds for one scenario with everything it extends. Sizes in bytes, everything else a count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_size: int = Field(default=1 << 20, ge=1, description="bytes of one scenario file")
    depth: int = Field(default=32, ge=1, description="nesting of maps and lists")
    nodes: int = Field(default=50_000, ge=1, description="values in one file, aliases counted wherever used")
    aliases: int = Field(default=64, ge=0, description="uses of `*name` in one file")
    scalar_length: int = Field(default=16_384, ge=1, description="characters of one scalar")
    key_length: int = Field(default=200, ge=1, description="characters of one key")
    extends: int = Field(default=8, ge=0, description="files in one chain of `extends:`")
    hosts: int = Field(default=10_000, ge=1, description="hosts of one scenario")
    faults: int = Field(default=1_000, ge=1, description="entries of `faults:`")
    loads: int = Field(default=1_000, ge=1, description="entries of `load:`")
    links: int = Field(default=10_000, ge=1, description="entries of `network:`")
    expectations: int = Field(default=1_000, ge=1, description="entries of `expect:`")
    budgets: int = Field(default=100, ge=1, description="entries of `budget:`")
    variants: int = Field(default=40, ge=1, description="entries of `variants:`")
    sweep: int = Field(default=100_000, ge=1, description="runs of one `sweep:`")
    problems: int = Field(default=20, ge=1, description="problems reported together")


DEFAULT_LIMITS = Limits()
