"""Reads the items of ``help-lines.yaml``."""

from __future__ import annotations

import re
from datetime import date

from filterd.config.policy_values import DocumentValue
from filterd.policy.help_lines import AUDIENCES, HelpLine, HelpWords

_PHONE = re.compile(r"[*#]?[0-9][0-9 ]{1,24}")
_URL = re.compile(r"https://[a-z0-9.-]{3,200}(/[A-Za-z0-9._~/?=&-]*)?")


def read_help_line(found: DocumentValue) -> HelpLine:
    """An item of help-lines.yaml: with a telephone number, an address, or both."""
    keys = found.keys(
        ("id", "title", "about", "country", "audiences", "owner", "checked", "source"), ("phone", "url")
    )
    phone, url = _matching(keys["phone"], _PHONE, "no number"), _matching(keys["url"], _URL, "no address")
    if not (phone or url):
        found.wrong("needs a phone or a url")
    return HelpLine(
        id=keys["id"].id(),
        title=_words(keys["title"]),
        about=_words(keys["about"]),
        country=keys["country"].string(),
        phone=phone,
        url=url,
        audiences=_audiences(keys["audiences"]),
        owner=keys["owner"].string(),
        checked=_day(keys["checked"]),
        source=_matching(keys["source"], _URL, "no address"),
    )


def _words(found: DocumentValue) -> HelpWords:
    text = found.text()
    return HelpWords(text.es, text.en)


def _matching(found: DocumentValue, pattern: re.Pattern[str], complaint: str) -> str:
    text = found.string()
    if text and not pattern.fullmatch(text):
        found.wrong(f"{complaint}: {text[:64]!r}")
    return text


def _audiences(found: DocumentValue) -> tuple[str, ...]:
    names = [each.string() for each in found.items()]
    for each in names:
        if each not in AUDIENCES:
            found.wrong(f"unknown audience {each[:40]!r} (known: {', '.join(AUDIENCES)})")
    return tuple(names)


def _day(found: DocumentValue) -> str:
    day = str(found.value)
    try:
        date.fromisoformat(day)
    except ValueError:
        found.wrong("is no day like 2026-11-27")
    return day
