"""Puts a notice into words, in Spanish and English, by the texts of the policies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from filterd.config.policies import PolicyPart
from filterd.model.notice import HolderNotice
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import part, policies
from filterd.policy.documents import Policies, Text
from filterd.policy.notice_texts import NoticeTexts
from filterd.policy.schedule import UnknownZoneError, zone_of

_NOTHING = Text(es="nada", en="nothing")
_EVERYTHING = Text(es="todo Internet, menos lo protegido", en="all Internet but what is protected")
_PROFILES_HOURS = Text(es="las de tu perfil", en="those of your profile")
_NO_DAYS = Text(es="ninguno", en="none")
MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """The words of a notice."""

    version: str
    """of the texts; empty where the policies have none"""
    text: Text
    """empty in both languages where the policies have none"""


class Wording:
    """The texts and titles of the policies at one moment. A policy that cannot be read costs titles, not
    notices: ids stand in their place."""

    def __init__(self, context: Context) -> None:
        self._versions = _versions(context)
        documents = _documents(context)
        self._titles: dict[tuple[str, str], Text] = {
            (kind, each.id): each.title
            for kind, known in (
                ("categories", documents.categories),
                ("services", documents.services),
                ("safe_search", documents.safe_search),
                ("bypass", documents.bypass),
                ("profiles", documents.profiles),
                ("groups", documents.protected.groups),
            )
            for each in known
        }

    def tell(self, notice: HolderNotice) -> Told:
        """The words of a notice, by the newest texts of its day."""
        clock = clock_of(notice.facts.get("zone", "UTC"))
        day = datetime.fromtimestamp(notice.at, clock).date().isoformat()
        texts = next((each for each in self._versions if each.since <= day), None)
        sentence = None if texts is None else texts.sentence(notice.kind)
        if texts is None or sentence is None:
            return Told("", Text(es="", en=""))
        es, en = (self._words(notice, clock, language) for language in (0, 1))
        when_es, when_en = _moment(notice.at, clock)
        return Told(
            texts.id,
            Text(
                es=texts.frame.es.format(when=when_es, what=sentence.es.format(**es)),
                en=texts.frame.en.format(when=when_en, what=sentence.en.format(**en)),
            ),
        )

    def title(self, kind: str, identifier: str) -> Text:
        """The title of something; its id where the policies have none."""
        return self._titles.get((kind, identifier), Text(es=identifier, en=identifier))

    def listed(self, ids: Iterable[Iterable[str]]) -> Text:
        """Titles, with commas; ``nada`` for none."""
        titles = [self.title(kind, identifier) for kind, identifier in ids]
        if not titles:
            return _NOTHING
        return Text(es=", ".join(each.es for each in titles), en=", ".join(each.en for each in titles))

    def _words(self, notice: HolderNotice, clock: tzinfo, language: int) -> dict[str, str]:
        """The fields of its sentence in one language."""
        facts, found = notice.facts, dict[str, Text]()
        if "profile" in facts:
            found["profile"] = self.title("profiles", facts["profile"])
        if "until" in facts:
            found["until"] = Text(*_moment(facts["until"], clock))
        if "day" in facts:
            found["day"] = Text(*_day(facts["day"], clock))
        for word in ("closed", "opened"):
            if word in facts:
                found[word] = self.listed(facts[word])
        if facts.get("everything"):
            found["closed"] = _EVERYTHING
        if "slots" in facts:
            found["hours"] = _hours(facts["slots"])
            days = ", ".join(facts["holidays"])
            found["holidays"] = Text(es=days, en=days) if days else _NO_DAYS
        for word in ("blocked", "allowed", "zone"):
            found[word] = Text(es=str(facts.get(word, "")), en=str(facts.get(word, "")))
        if "difference" in facts:
            found["difference"] = self.difference(facts["difference"])
        return {name: (text.es, text.en)[language] for name, text in found.items()}

    def difference(self, facts: dict[str, Any]) -> Text:
        """The difference of two meanings of a profile: what comes, what goes, and whether hours change."""
        es, en = list[str](), list[str]()
        for word, begin_es, begin_en in (
            ("closed", "Se agrega: ", "Closed from then on: "),
            ("opened", "deja de cerrarse: ", "no longer closed: "),
        ):
            if facts.get(word):
                listed = self.listed(facts[word])
                es.append(begin_es + listed.es)
                en.append(begin_en + listed.en)
        for word, words in _OTHER_CHANGES.items():
            if facts.get(word):
                es.append(words.es)
                en.append(words.en)
        return Text(es=_capital("; ".join(es)), en=_capital("; ".join(en)))


_OTHER_CHANGES = {
    "hours": Text(es="cambian sus horas", en="its hours change"),
    "mode": Text(es="cambia la forma en que se cierra", en="the way in which it closes changes"),
}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _hours(slots: int | None) -> Text:
    if slots is None:
        return _PROFILES_HOURS
    return Text(es=f"{slots} propias", en=f"{slots} of your own")


def _moment(seconds: float, clock: tzinfo) -> tuple[str, str]:
    """``27 de noviembre, 19:42``, and the same in English."""
    at = datetime.fromtimestamp(seconds, clock)
    es, en = _day(seconds, clock)
    return f"{es}, {at:%H:%M}", f"{en}, {at:%H:%M}"


def _day(seconds: float, clock: tzinfo) -> tuple[str, str]:
    at = datetime.fromtimestamp(seconds, clock)
    return f"{at.day} de {MONTHS[at.month - 1]}", f"{at.day} {_MONTHS_EN[at.month - 1]}"


def clock_of(zone: str) -> tzinfo:
    """The clock of a time zone; that of UTC where there is none of this name."""
    try:
        return zone_of(zone)
    except UnknownZoneError:
        return UTC


def _versions(context: Context) -> list[NoticeTexts]:
    """The versions that can be read, newest first."""
    read = part(context, PolicyPart.NOTICES)
    found = () if read.problems else read.policies.notice_texts
    return sorted(found, key=lambda each: (each.since, each.id), reverse=True)


def _documents(context: Context) -> Policies:
    try:
        return policies(context)
    except OperationError:
        return Policies()
