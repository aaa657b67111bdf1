"""The words of a sheet in one language, and its times on the authority's clock."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo


class SheetLanguage(StrEnum):
    """A language of the sheet."""

    ES = "es"
    EN = "en"


@cache
def texts(language: SheetLanguage) -> dict[str, Any]:
    """Every text of a language, by table and key."""
    file = resources.files(__package__).joinpath(f"words.{language.value}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class SheetWords:
    """The words in one language, with the clock that times are told by."""

    language: SheetLanguage
    zone: str

    def of(self, key: str, **values: object) -> str:
        """The text of a key like ``parts.order``, its placeholders filled in. The values are no templates."""
        found: Any = texts(self.language)
        for part in key.split(".", 1):
            found = found[part]
        return str(found).format(**values) if values else str(found)

    def known(self, table: str, key: str) -> str:
        """The text of a key that data name; one that a later version writes stays as it is."""
        return str(texts(self.language)[table].get(key, key.replace("_", " ")))

    def moment(self, iso: str | None) -> str:
        """A time in words, on the clock of the zone; the words for none."""
        if not iso:
            return self.of("none")
        found = self._local(iso)
        if found is None:
            return iso
        month = texts(self.language)["months"][found.month - 1]
        return f"{self.of('day', day=found.day, month=month, year=found.year)}, {found:%H:%M:%S}"

    def utc(self, iso: str | None) -> str:
        """The same time in UTC, with digits alone; empty for none."""
        return "" if not iso else iso.replace("T", " ").removesuffix("Z")

    def count(self, number: int) -> str:
        """A number with its groups parted as the two languages write it in Mexico."""
        return f"{number:,}"

    def answer(self, value: bool | None) -> str:
        """Yes, no, or not known."""
        return self.of("unknown" if value is None else "yes" if value else "no")

    def _local(self, iso: str) -> datetime | None:
        try:
            return datetime.fromisoformat(iso).astimezone(ZoneInfo(self.zone))
        except (ValueError, OverflowError, OSError):
            return None


def words_in(language: SheetLanguage, zone: str) -> SheetWords:
    """The words of a language with the clock of a zone; with that of UTC where this machine knows no such
    zone."""
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        zone = "UTC"
    return SheetWords(language, zone)
