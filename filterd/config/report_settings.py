"""The settings on reports, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GrowthSettings:
    """Growth of mandatory names in a month, from which on the public is told."""

    percent: int = 20
    """of the names before, where those are at least 100"""
    names: int = 1_000


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Reports."""

    growth: GrowthSettings = GrowthSettings()
