"""The schema of the section ``reports`` of the configuration file."""

from __future__ import annotations

from pydantic import Field

from filterd.config.raw_types import Section, key


class RawGrowth(Section):
    """When growth of what is blocked for everybody is told publicly."""

    percent: int = key(
        20, "Growth in a month by so many percent, of at least 100 names, is told publicly.", ge=1, le=10_000
    )
    names: int = key(
        1_000,
        "Growth in a month by so many names is told publicly, whatever the share.",
        ge=1,
        le=100_000_000,
    )


class RawReports(Section):
    """Reports to the regulator and the public."""

    growth: RawGrowth = Field(default_factory=RawGrowth)
