"""Reads Poland's register of domains of unlawful gambling: ``Rejestr`` of ``PozycjaRejestru`` with the
attribute ``Lp`` and the elements ``AdresDomeny``, ``DataWpisu`` and, of some clients' pushes,
``DataWykreslenia``. Its times have no zone: they are those of the clocks in Poland.

The whole register tells no removals: absence means unblock. A push tells some entries, and a date of removal
where one was removed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from filterd.feed.registers.parsed import (
    EVERY,
    ParsedDocument,
    ParsedItem,
    Tell,
    entry_error,
    quiet,
    require_few,
)
from filterd.feed.registers.xml_events import Element, read_xml
from filterd.model.register import ItemAct

ROOT, ROW, NAME = "Rejestr", "PozycjaRejestru", "AdresDomeny"
_YEARS = range(2000, 2201)


def parse_poland(data: bytes, zone: str, *, whole: bool, tell: Tell = quiet) -> ParsedDocument:
    """The document. ``zone``: an IANA zone, in which its times are read. ``whole``: it is the register, and
    no push. Raises RegisterSyntaxError."""
    items: list[ParsedItem] = []
    places: set[str] = set()
    clocks = ZoneInfo(zone)

    def take(element: Element) -> None:
        item = _item(len(items) + 1, element, clocks)
        if item.place and item.place in places and not item.error:
            item = replace(item, error=f"Lp {item.place} stands twice")
        places.add(item.place)
        items.append(item)
        require_few(len(items), element.line)
        if len(items) % EVERY == 0:
            tell(len(items))

    read_xml(data, ROOT, ROW, take)
    return ParsedDocument(tuple(items), whole=whole)


def _item(number: int, element: Element, zone: ZoneInfo) -> ParsedItem:
    place = element.attributes.get("Lp", "").strip()[:64]
    entry = "" if element.twice == NAME else element.children.get(NAME, "")  # whichever of the two it is
    entered, removed = (element.children.get(each, "") for each in ("DataWpisu", "DataWykreslenia"))
    act = ItemAct.UNBLOCK if removed else ItemAct.BLOCK
    error = f"{element.twice} stands twice" if element.twice else entry_error(entry)
    at = 0.0
    for text in filter(None, (entered, removed)):
        try:
            moment = local_moment(text, zone)
        except ValueError:
            error = error or f"no time: {text[:40]!r}"
            continue
        if text is entered or moment >= at:
            at = moment
        else:
            act = ItemAct.BLOCK  # it was entered again since
    if not entered and not removed:
        error = error or "no time: it has no DataWpisu"
    return ParsedItem(number, entry, act, element.line, place, at, error)


def local_moment(text: str, zone: ZoneInfo) -> float:
    """The moment of a time without a zone, Unix seconds. An hour that comes twice, at the end of summer time,
    is the first one: a deadline that counts from it ends sooner. One that never comes, at its beginning, is
    that much later. A time that has an offset keeps it. Raises ValueError."""
    found = datetime.fromisoformat(text.strip())
    if found.year not in _YEARS:
        message = "a year of no register"
        raise ValueError(message)
    moment = found if found.tzinfo is not None else found.replace(tzinfo=zone, fold=0)
    return moment.astimezone(UTC).timestamp()
