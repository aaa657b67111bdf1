"""The provider's own facts about the service, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordsSettings:
    """A text of the provider's in both languages."""

    es: str
    en: str


@dataclass(frozen=True, slots=True)
class ReachSettings:
    """The ways to reach somebody; an empty one there is not."""

    phone: str = ""
    email: str = ""
    url: str = ""
    place: WordsSettings | None = None
    """a counter, or an address for letters"""
    hours: WordsSettings | None = None

    @property
    def any(self) -> bool:
        """True if there is a way at all."""
        return bool(self.phone or self.email or self.url or self.place)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The provider's facts that LMTR 191 asks to publish. Empty: nobody wrote it, and no page says it."""

    name: str = ""
    """of the provider"""
    price: WordsSettings | None = None
    contact: ReachSettings = ReachSettings()
    """where the filter is asked for"""
    complaints: ReachSettings = ReachSettings()
    complaint_days: int = 0
    """business days within which a complaint is decided; 0: nobody wrote it"""
    public_url: str = ""
    """of the public page, short enough to be spoken"""
    privacy_notice: str = ""
    """the URL of the provider's whole privacy notice (LFPDPPP 15 and 16)"""

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that LMTR 191 needs and the file does not have."""
        needed = {
            "service.name": self.name,
            "service.price": self.price,
            "service.contact": self.contact.any,
            "service.complaints": self.complaints.any,
            "service.public_url": self.public_url,
        }
        return tuple(key for key, value in needed.items() if not value)
