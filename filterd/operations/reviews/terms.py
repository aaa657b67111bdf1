"""The terms of reviews, promised by the provider (``reviews`` of the jurisdiction's file), and its days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from filterd.config.policies import PolicyPart
from filterd.operations.context import Context
from filterd.operations.policies import part
from filterd.policy.documents import Deadline, DeadlineClock, Jurisdiction, ReviewTerms, Text

PROMISED = Deadline(days=5, count=DeadlineClock.BUSINESS)
"""where the jurisdiction's file says nothing"""


def country_of(context: Context) -> Jurisdiction:
    """The jurisdiction of the installation; one without holidays where no file is there."""
    read = part(context, PolicyPart.JURISDICTIONS)
    wanted = context.settings.jurisdiction
    found = next((each for each in read.policies.jurisdictions if each.id == wanted), None)
    return found or Jurisdiction(wanted, Text("", ""), "UTC", (5, 6), (), (), ())


def terms_of(country: Jurisdiction) -> ReviewTerms:
    """The terms to decide a review and an appeal, and where to go after them."""
    return country.reviews or ReviewTerms(PROMISED, PROMISED)


def day_of(country: Jurisdiction, at: float) -> date:
    """The day of a moment (Unix seconds) there."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(country.zone)).date()
