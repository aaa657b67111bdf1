"""Says facts in the words of one language: for the templates of the public pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol

from filterd.operations.service_page.facts import HoursFact, ListFact, ServiceFacts, TitledFact
from filterd.web.pages.translations import Words

DAY = 86_400
_MONTH, _YEAR = 30, 365


class BothLanguages(Protocol):
    """A text in both languages."""

    @property
    def es(self) -> str:
        """In Spanish."""

    @property
    def en(self) -> str:
        """In English."""


class Speech:
    """The facts of one moment in one language."""

    def __init__(self, words: Words, facts: ServiceFacts) -> None:
        self._words = words
        found = (
            *(("category", each.id, each.title) for each in facts.categories),
            *(("way", each.id, each.title) for each in facts.ways),
            *(("search", each.id, each.title) for each in facts.searches),
            *(("service", each.id, each.title) for each in _applications(facts)),
        )
        self._titles = {(kind, identifier): self.of(title) for kind, identifier, title in found}

    def of(self, text: BothLanguages) -> str:
        """The text in this language."""
        return text.es if self._words.language == "es" else text.en

    def titles(self, kind: str, ids: Iterable[str]) -> str:
        """The titles of these, with commas. ``kind``: category, way, search or service."""
        return ", ".join(self._titles.get((kind, each), each) for each in ids)

    def day(self, text: str) -> str:
        """A day like ``2026-11-27``, as people write it."""
        return self._words.day(datetime.combine(date.fromisoformat(text), datetime.min.time()))

    def month(self, text: str) -> str:
        """A month like ``2026-11``, as people write it."""
        return self._words.day(
            datetime.combine(date.fromisoformat(f"{text}-01"), datetime.min.time()), "MMMM y"
        )

    def term(self, seconds: int) -> str:
        """A term in days, months or years, whichever it is made of; empty for none."""
        days = seconds // DAY
        if not days:
            return ""
        for length, key in ((_YEAR, "public.years"), (_MONTH, "public.months")):
            if days >= 2 * length and days % length == 0:
                return self._words.count(key, days // length)
        return self._words.count("public.days", days)

    def source(self, found: ListFact) -> str:
        """The origin of a list."""
        key = f"public.categories.{found.source}"
        return self._words.text(key) if found.source in ("shipped", "own") else found.source

    def slot(self, found: HoursFact) -> str:
        """A weekly stretch in one sentence."""
        what = [self.titles("category", found.categories), self.titles("service", found.services)]
        if found.everything:
            what = [self._words.text("public.profiles.everything")]
        return self._words.text(
            "public.profiles.slot",
            days=", ".join(self._words.text(f"public.day.{each}") for each in found.days),
            start=_clock(found.start),
            end=_clock(found.end),
            what=", ".join(each for each in what if each),
        )


def _applications(facts: ServiceFacts) -> Iterable[TitledFact]:
    return (each for group in facts.applications for each in group.applications)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
