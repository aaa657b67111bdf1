"""The terms of a jurisdiction's file that the provider keeps: for people's data, and reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterd.policy.documents import Text
    from filterd.policy.jurisdictions import Deadline


@dataclass(frozen=True, slots=True)
class RightsTerms:
    """The law on requests of people for their data: the terms to answer and to carry out the answer, each of
    which can be extended once by as long. ``carry_out`` of None: the answer includes it."""

    law: str
    answer: Deadline
    carry_out: Deadline | None


@dataclass(frozen=True, slots=True)
class ComplaintRoute:
    """A body to which somebody goes whom the provider's decision does not content."""

    title: Text
    url: str


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """The provider's own promise on requests to look at a site again: the terms to decide one and its appeal.
    No law sets them."""

    answer: Deadline
    appeal: Deadline
    routes: tuple[ComplaintRoute, ...] = ()
    """where to go afterwards"""
