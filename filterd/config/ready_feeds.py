"""Reads an entry of feeds.d: a feed that is off until a person enables it, and who publishes its list."""

from __future__ import annotations

import re
from datetime import date

from filterd.config.feed_documents import read_feed
from filterd.config.policy_values import DocumentValue
from filterd.policy.documents import Publication, ReadyFeed

ABOUT = "about"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_ready_feed(found: DocumentValue) -> ReadyFeed:
    """An item of a file in feeds.d: as one of feeds.yaml, with ``about`` beside it."""
    if not isinstance(found.value, dict):
        return ReadyFeed(read_feed(found), _publication(DocumentValue(None, found.path, found.problems)))
    entry = {key: value for key, value in found.value.items() if key != ABOUT}
    about = DocumentValue(found.value.get(ABOUT), f"{found.path}.{ABOUT}", found.problems)
    if about.missing():
        about.wrong("is missing")
    if entry.get("mandatory") is not None:
        found.wrong("a mandatory list is adopted from feeds.yaml, never enabled")
    return ReadyFeed(read_feed(DocumentValue(entry, found.path, found.problems)), _publication(about))


def _publication(found: DocumentValue) -> Publication:
    nothing = Publication(DocumentValue(None, found.path).text(), "", "", "", "")
    if found.missing():
        return nothing
    keys = found.keys(("title", "publisher", "licence", "address_from", "address_on"), ("note",))
    return Publication(
        title=keys["title"].text(),
        publisher=keys["publisher"].string(),
        licence=keys["licence"].string(),
        address_from=keys["address_from"].string(),
        address_on=_day(keys["address_on"]),
        note=None if keys["note"].missing() else keys["note"].text(),
    )


def _day(found: DocumentValue) -> str:
    """A day in quotes; without them YAML would make something else of it."""
    value = found.value
    if value is None:
        return ""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    found.wrong(f"{value!s} is no day in quotes (write '2026-11-26')")
    return ""
