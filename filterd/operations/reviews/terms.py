"""The terms of reviews, promised by the provider (``reviews`` of the jurisdiction's file), and its days."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from filterd.config.policies import PolicyPart
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import part
from filterd.policy.documents import Text
from filterd.policy.jurisdictions import Deadline, DeadlineClock, Jurisdiction
from filterd.policy.term_documents import ReviewTerms

PROMISED = Deadline(days=5, count=DeadlineClock.BUSINESS)
"""where the jurisdiction's file says nothing"""


def country_of(context: Context) -> Jurisdiction:
    """The jurisdiction of the installation; one without holidays where no file is there."""
    wanted = context.settings.jurisdiction
    found = next((each for each in _jurisdictions(context) if each.id == wanted), None)
    return found or Jurisdiction(wanted, Text("", ""), "UTC", (5, 6), (), (), ())


def _jurisdictions(context: Context) -> tuple[Jurisdiction, ...]:
    """Those that a process keeps which stays; else they are read, whatever is wrong with other documents."""
    if context.kept_policies is not None:
        with suppress(OperationError):
            return context.kept_policies(context.settings).jurisdictions
    return part(context, PolicyPart.JURISDICTIONS).policies.jurisdictions


def terms_of(country: Jurisdiction) -> ReviewTerms:
    """The terms to decide a review and an appeal, and where to go after them."""
    return country.reviews or ReviewTerms(PROMISED, PROMISED)


def day_of(country: Jurisdiction, at: float) -> date:
    """The day of a moment (Unix seconds) there."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(country.zone)).date()
