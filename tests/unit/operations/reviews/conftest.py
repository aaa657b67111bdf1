"""Fixtures of the tests on reviews: an installation of its own for each test, in a country with terms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.worlds.installation import Installation, install

COUNTRY = """
title: {es: México, en: Mexico}
calendar:
  zone: America/Mexico_City
  weekend: [sat, sun]
  holidays: [{title: Natalicio, month: 2, weekday: mon, nth: 1}]
reviews:
  answer: {days: 5, count: business}
  appeal: {days: 10, count: business}
  next: [{title: {es: Agencia, en: Agency}, url: "https://agency.example"}]
authorities: [{id: court, title: {es: Juzgado, en: Court}}]
grounds: []
"""


def at(day: str) -> float:
    """Noon in Mexico on a day."""
    return datetime.fromisoformat(f"{day}T18:00:00").replace(tzinfo=UTC).timestamp()


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store, on Friday, the 15th of January 2027."""
    made = await install(tmp_path)
    made.write_policy("jurisdictions/mx.yaml", COUNTRY)
    made.now = at("2027-01-15")
    return made
