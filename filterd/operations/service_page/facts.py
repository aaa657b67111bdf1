"""The facts of the service at a moment, which the public pages are made of (LMTR 191, R16).

They hold no time of their own and nothing of any line: two moments at which the same is true have equal
facts. Days are texts like ``2026-11-27``, in UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from filterd.config.service_settings import ServiceSettings
from filterd.operations.plain_values import plain
from filterd.policy.documents import Text
from filterd.policy.help_lines import HelpLine

FACTS_FILE = "servicio/datos.json"
"""the file of the pages with the facts, and with the record that it is of; each record has one of its own"""
FORM = 1
"""of the facts as JSON; another number where a program that reads them has to know"""


@dataclass(frozen=True, slots=True)
class TitledFact:
    """Something that can be chosen, by its title."""

    id: str
    title: Text


@dataclass(frozen=True, slots=True)
class ListFact:
    """A list in force, without its names."""

    id: str
    source: str
    """the publisher, or the server's host; ``shipped`` and ``own`` for the product's and the provider's"""
    licence: str
    version: int
    day: str
    """on which this version was read"""
    names: int


@dataclass(frozen=True, slots=True)
class CategoryFact:
    """A category with the lists that fill it."""

    id: str
    title: Text
    description: Text
    names: int
    lists: tuple[ListFact, ...]


@dataclass(frozen=True, slots=True)
class HoursFact:
    """A weekly stretch of a profile: days (0 is Monday), minutes after midnight."""

    days: tuple[int, ...]
    start: int
    end: int
    everything: bool
    categories: tuple[str, ...]
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileFact:
    """A profile in plain words, and the ids of what it closes."""

    id: str
    title: Text
    audience: Text
    description: Text
    limits: Text | None
    warning: Text | None
    categories: tuple[str, ...]
    services: tuple[str, ...]
    safe_search: tuple[str, ...]
    ways: tuple[str, ...]
    hours: tuple[HoursFact, ...]


@dataclass(frozen=True, slots=True)
class GroupFact:
    """Applications under one heading."""

    id: str
    title: Text
    applications: tuple[TitledFact, ...]


@dataclass(frozen=True, slots=True)
class WayFact:
    """A way around the filter that can be closed."""

    id: str
    title: Text
    level: str


@dataclass(frozen=True, slots=True)
class SearchFact:
    """A search engine that answers safely."""

    id: str
    engine: str
    title: Text
    source: str


@dataclass(frozen=True, slots=True)
class SecurityFact:
    """The provider's own blocking of malware and phishing."""

    enabled: bool
    lists: tuple[ListFact, ...]


@dataclass(frozen=True, slots=True)
class AnswerFact:
    """Times and the failure mode (R33). Seconds."""

    device_seconds: int
    """for which a device may keep an old answer"""
    blocked_seconds: int
    """for which it may keep that something is closed"""
    parental_fail: str
    """``closed`` or ``open``: what lines get while their choices cannot be read"""


@dataclass(frozen=True, slots=True)
class OrderCount:
    """Orders in force of one authority on one ground."""

    authority: Text
    ground: Text
    count: int


@dataclass(frozen=True, slots=True)
class AdoptedFact:
    """An adopted mandatory list; of a confidential one there is an opaque id, and how many names it has."""

    id: str
    confidential: bool
    authority: Text | None
    ground: Text | None
    names: int


@dataclass(frozen=True, slots=True)
class WideFact:
    """An order that reaches more than its target, and that two people stand behind; none of its names."""

    reference: str
    authority: Text
    ground: Text
    law: str
    since: str
    """the day on which it was accepted"""
    reach: tuple[str, ...]
    """the kinds of what it reaches (``operations.orders.reach.HitKind``)"""
    why: str
    """the text on proportionality, in the words of whoever took the order in"""


@dataclass(frozen=True, slots=True)
class GrowthFact:
    """A month in which blocking that holds for every line grew beyond the threshold."""

    month: str
    """like ``2026-11``"""
    names: int
    """at its end"""
    change: int


@dataclass(frozen=True, slots=True)
class MandatoryFact:
    """Blocking that holds for every line. Small groups of orders, and confidential ones, are in the total
    alone (decision 0321)."""

    orders: int
    by_ground: tuple[OrderCount, ...]
    lists: tuple[AdoptedFact, ...]
    wide: tuple[WideFact, ...] = ()
    wide_confidential: int = 0
    """confidential orders of that kind: nothing else is said of them"""
    growth: tuple[GrowthFact, ...] = ()
    """the months among the last ones in which it grew suddenly"""


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """A change of a profile's meaning that was announced (R17, LMTR 185-IX)."""

    profile: str
    title: Text
    announced: str
    takes_effect: str
    words: Text


@dataclass(frozen=True, slots=True)
class DataFact:
    """A class of data and how long it is kept; ``seconds`` of 0: no term that runs by the clock."""

    id: str
    holds: Text
    counted: Text
    seconds: int
    personal: bool


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """The text on which the filter is asked for."""

    version: str
    since: str
    text: Text


@dataclass(frozen=True, slots=True)
class LinkFact:
    """The addresses of other pages of the service; empty where they are not served."""

    portal: str
    test: str
    review: str
    lists: bool = False
    """True: lists are published, and served"""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All facts that the public pages show."""

    form: int
    provider: ServiceSettings
    links: LinkFact
    country: str
    categories: tuple[CategoryFact, ...]
    profiles: tuple[ProfileFact, ...]
    applications: tuple[GroupFact, ...]
    ways: tuple[WayFact, ...]
    searches: tuple[SearchFact, ...]
    security: SecurityFact
    answers: AnswerFact
    mandatory: MandatoryFact
    changes: tuple[ChangeFact, ...]
    data: tuple[DataFact, ...]
    consent: ConsentFact | None
    help_lines: tuple[HelpLine, ...]

    @property
    def plain(self) -> dict[str, Any]:
        """The facts as values of JSON."""
        found: dict[str, Any] = plain(self)
        return found

    @property
    def canonical(self) -> bytes:
        """The one way in which these facts are written as JSON: keys in order, no space."""
        return canonical(self.plain)

    @property
    def digest(self) -> str:
        """SHA-256 of :attr:`canonical`."""
        return sha256(self.canonical).hexdigest()


def canonical(value: object) -> bytes:
    """A value of JSON in the one way in which facts are written."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
