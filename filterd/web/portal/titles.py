"""The words for what a filter closes: titles of the policies in one language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from filterd.config.service_settings import WordsSettings
from filterd.config.settings import ParentalFail
from filterd.model.adjustments import Adjustments
from filterd.model.line import LineChoices
from filterd.operations.context import Context
from filterd.operations.filling import unfilled
from filterd.operations.plans import ADULTS_TOO
from filterd.operations.policies import profile
from filterd.policy.documents import Level, Policies, Profile, Text
from filterd.policy.help_lines import HelpLine, HelpWords

WAY_CATEGORIES = ("vpn", "dns-bypass", "anonymizers")
"""categories of names that serve to get around a filter: one choice for people, with the ways themselves"""
HOME = ("families", "children", "teenagers", "older-teenagers", "school-nights", "school-nights-offline")
"""profiles for a home, in the order in which they are shown; ``families-closed`` is a box beside families"""
PLACES = ("schools-primary", "schools-secondary", "schools-upper", "schools", "libraries")
"""profiles for schools and libraries"""
CLOSED_TWIN = {"families": "families-closed"}
"""a profile -> the same with the ways around closed"""


def said(text: Text | HelpWords | WordsSettings | None, language: str) -> str:
    """The text in a language; empty for none."""
    return "" if text is None else str(getattr(text, language))


@dataclass(frozen=True, slots=True)
class Offered:
    """The profiles that a page offers: those that fit, and all others."""

    first: tuple[Profile, ...]
    others: tuple[Profile, ...]


def offered(documents: Policies, *, organisation: bool) -> Offered:
    """The profiles for a home, or for the lines of an organisation; then all others. One with a twin stands
    for both."""
    wanted, later = (PLACES, HOME) if organisation else (HOME, PLACES)
    by_id = {each.id: each for each in documents.profiles}
    first = tuple(by_id[each] for each in wanted if each in by_id)
    twins = {CLOSED_TWIN[each.id] for each in documents.profiles if each.id in CLOSED_TWIN}
    own = tuple(each for each in documents.profiles if each.id not in {*HOME, *PLACES, *twins})
    others = tuple(by_id[each] for each in later if each in by_id)
    return Offered((*own, *first), others) if first or own else Offered(others, ())


def help_numbers(documents: Policies, country: str) -> tuple[HelpLine, ...]:
    """The help lines of a country that anybody can call: those of the pages for libraries with a number."""
    return tuple(
        each
        for each in documents.help_lines
        if each.country == country and each.phone and "libraries" in each.audiences
    )


def closes_ways(chosen: Profile | Effective, documents: Policies) -> bool:
    """True for a profile, with a line's differences or without, that closes ways around: a telephone with
    Private DNS loses Internet."""
    harsh = {each.id for each in documents.bypass if each.level is not Level.SIGNAL}
    return bool(harsh & set(chosen.bypass))


@dataclass(frozen=True, slots=True)
class Effective:
    """All that a line closes at any hour, by id."""

    categories: tuple[str, ...]
    services: tuple[str, ...]
    safe_search: tuple[str, ...]
    bypass: tuple[str, ...]


def effective(choices: LineChoices, documents: Policies) -> Effective:
    """The things that the profile of a line closes, with the line's own differences."""
    chosen, own = profile(documents, choices.profile), choices.adjustments
    return closed_by(chosen, own)


def closed_by(chosen: Profile, own: Adjustments) -> Effective:
    """The things that a profile closes with these differences."""
    return Effective(
        own.categories.of(chosen.categories),
        own.services.of(chosen.services),
        own.safe_search.of(chosen.safe_search),
        own.bypass.of(chosen.bypass),
    )


def beyond(one: Effective, other: Effective) -> Effective:
    """The things that ``one`` closes and ``other`` does not."""

    def left(mine: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
        return tuple(each for each in mine if each not in others)

    return Effective(
        left(one.categories, other.categories),
        left(one.services, other.services),
        left(one.safe_search, other.safe_search),
        left(one.bypass, other.bypass),
    )


def by_kind(closed: Effective, documents: Policies, language: str) -> dict[str, list[str]]:
    """The titles of what is closed, by the kinds that people know."""
    return {
        "topics": named(documents.categories, closed.categories, language),
        "applications": named(documents.services, closed.services, language),
        "search": named(documents.safe_search, closed.safe_search, language),
        "ways": named(documents.bypass, closed.bypass, language),
    }


def warning_of(chosen: Profile, documents: Policies) -> Text | None:
    """The warning that must be read before a profile is chosen. Of ways around alone pages have words of
    their own, with the steps for each device."""
    if any(slot.everything for slot in chosen.schedule):
        return chosen.warning or ADULTS_TOO
    return None if closes_ways(chosen, documents) else chosen.warning


async def lacking(context: Context, documents: Policies, chosen: Profile, language: str) -> dict[str, object]:
    """The values of the macro ``lacking``: the titles of a profile's categories of which no list was read,
    or that have none."""
    found = await unfilled(context, documents, chosen.every_category)
    return {
        "unread": named(documents.categories, found.unread, language),
        "unlisted": named(documents.categories, found.unlisted, language),
        "fails_closed": context.settings.dns.parental_fail is ParentalFail.CLOSED,
    }


class Titled(Protocol):
    """An entry of the policies that people read the title of."""

    @property
    def id(self) -> str:
        """The id."""
        ...

    @property
    def title(self) -> Text:
        """The title."""
        ...


def named(entries: Iterable[Titled], ids: Sequence[str], language: str) -> list[str]:
    """The titles of these ids, in the order of the policies; those that they lack by now are left out."""
    wanted = set(ids)
    return [said(each.title, language) for each in entries if each.id in wanted]
