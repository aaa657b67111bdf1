"""The words of the pages: message catalogues (gettext .po), a folder for each language, a file for each part.

A msgid is a dotted key, and each language has every key: a text that is missing is an error of the program,
not a page in two languages. The files are read once, at the start: there is nothing to compile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_date, format_datetime, format_time
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES = ("es", "en")
"""the first is the one where nothing else is asked for"""
FOLDER = Path(__file__).parents[1] / "locale"
_LOCALES = {"es": "es_MX", "en": "en"}
_OTHER = {"es": "en", "en": "es"}
NO_CLOCK = "\u2013"
"""in the place of a moment before the year 1 or after 9999"""


class MissingTextError(KeyError):
    """A key without a text in this language."""


class Words:
    """The words of one language."""

    def __init__(self, language: str, messages: Mapping[str, str | tuple[str, ...]]) -> None:
        """``language``: one of :data:`LANGUAGES`. ``messages``: key -> text, or its forms by number."""
        self.language = language
        self._messages = messages
        self._locale = Locale.parse(_LOCALES[language])
        self._forms = self._locale.plural_form

    @property
    def other(self) -> str:
        """The other language."""
        return _OTHER[self.language]

    @property
    def keys(self) -> frozenset[str]:
        """All keys."""
        return frozenset(self._messages)

    def text(self, key: str, **values: object) -> str:
        """The text, with the values in the places ``%(name)s``. Raises MissingTextError."""
        found = self._messages.get(key)
        if not isinstance(found, str) or not found:
            msg = f"{self.language}: {key}"
            raise MissingTextError(msg)
        return found % values if values else found.replace("%%", "%")

    def count(self, key: str, number: int, **values: object) -> str:
        """The form of the text for this number, which stands in ``%(n)s``. Raises MissingTextError."""
        found = self._messages.get(key)
        if not isinstance(found, tuple):
            msg = f"{self.language}: {key} has no plural"
            raise MissingTextError(msg)
        form = found[0 if self._forms(number) == "one" else -1]
        return form % {"n": self.number(number), **values}

    def has(self, key: str) -> bool:
        """Return whether there is such a text: for keys that are made of data."""
        return key in self._messages

    def raw(self, key: str) -> tuple[str, ...]:
        """All forms of a text as the file has them. Raises KeyError."""
        found = self._messages[key]
        return (found,) if isinstance(found, str) else found

    def number(self, value: float) -> str:
        """A number as people write it."""
        return str(format_decimal(value, locale=self._locale))

    def day(self, at: datetime | float, form: str = "long", zone: str = "UTC") -> str:
        """A day: *27 de noviembre de 2026*. ``at``: a moment in Unix seconds counts by the clock of a zone;
        one that no clock shows is :data:`NO_CLOCK`."""
        found = _by_clock(at, zone) if isinstance(at, float | int) else at
        return NO_CLOCK if found is None else str(format_date(found, form, locale=self._locale))

    def clock(self, at: datetime) -> str:
        """A time of day: *19:42*."""
        return str(format_time(at, "HH:mm", locale=self._locale))

    def exact(self, at: float, zone: str = "UTC") -> str:
        """A time to the second by the clock of a zone, the same in every language: *2026-11-27 19:42:05*.
        ``at``: Unix seconds; one that no clock shows is :data:`NO_CLOCK`."""
        found = _by_clock(at, zone)
        return NO_CLOCK if found is None else found.strftime("%Y-%m-%d %H:%M:%S")

    def moment(self, at: datetime | float, zone: str = "UTC") -> str:
        """A time, by the clock of a zone: *viernes 27 de noviembre, 19:42*; :data:`NO_CLOCK` where no clock
        shows it: one wrong row takes no page away."""
        local = at if isinstance(at, datetime) else _by_clock(at, zone)
        if local is None:
            return NO_CLOCK
        form = "EEEE d 'de' MMMM, HH:mm" if self.language == "es" else "EEEE d MMMM, HH:mm"
        return str(format_datetime(local, form, locale=self._locale))


class Translations:
    """The words of all languages, read from :data:`FOLDER`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Raises OSError or ValueError where a file cannot be read."""
        self._words = {each: Words(each, _messages(folder / each / "LC_MESSAGES")) for each in LANGUAGES}

    def of(self, language: str) -> Words:
        """The words of a language; of the first one where there are none."""
        return self._words.get(language, self._words[LANGUAGES[0]])

    def negotiated(self, accepted: str) -> str:
        """The language for a header ``Accept-Language`` (RFC 9110, 12.5.4); Spanish where it says nothing."""
        return negotiate_locale(_preferred(accepted), LANGUAGES, sep="-") or LANGUAGES[0]


def _by_clock(at: float, zone: str) -> datetime | None:
    """The time (Unix seconds) by the clock of a zone; None where no clock shows it."""
    try:
        return datetime.fromtimestamp(at, ZoneInfo(zone))
    except (ValueError, OverflowError, OSError):
        return None


def _preferred(header: str) -> list[str]:
    """The languages of the header, the one with the highest weight first; ``es-MX`` stands for ``es`` too."""
    weighed = []
    for position, part in enumerate(header[:400].split(",")[:20]):
        name, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if name and quality > 0:
            weighed.append((-quality, position, name.partition("-")[0].strip().lower()))
    return [name for _, _, name in sorted(weighed)]


def _messages(folder: Path) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, abort_invalid=True)
        for message in catalogue:
            if not message.id:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            if key in found:
                msg = f"{path}: {key} stands in another file too"
                raise ValueError(msg)
            text = message.string or ""
            found[key] = text if isinstance(text, str) else tuple(text)
    return found
