"""The duty desk: who is on duty, what authorities asked for, and what one officer hands over to the next."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class AskedWay(StrEnum):
    """The way by which a request of an authority came."""

    MAIL = "mail"
    TELEPHONE = "telephone"
    VISIT = "visit"
    PORTAL = "portal"
    LETTER = "letter"


class AskedKind(StrEnum):
    """The thing that an authority asks for."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    SUSPEND = "suspend"
    INFORMATION = "information"
    OTHER = "other"


class AskedStep(StrEnum):
    """A step of a request of an authority."""

    ORDER = "order"
    """an order was taken in for it, or one was lifted or suspended"""
    REFUSED = "refused"
    FORWARDED = "forwarded"
    QUESTION = "question"
    """the authority was asked back; the clock goes on"""
    ANSWER = "answer"
    """the authority said more"""
    DONE = "done"
    """answered, with nothing to block or lift"""
    TAKEN_BACK = "taken-back"
    """by the authority"""


class RefusalReason(StrEnum):
    """The fixed list of reasons for which a request is refused."""

    PROTECTED = "protected"
    NOT_BY_DNS = "not-by-dns"
    OVER_CAPACITY = "over-capacity"
    MALFORMED = "malformed"
    INCOMPLETE = "incomplete"
    NOT_COMPETENT = "not-competent"
    NO_GROUND = "no-ground"
    OF_LINES = "of-lines"
    """it asks what filterd does not hold: who visited what"""


CLOSING = frozenset(
    (AskedStep.ORDER, AskedStep.REFUSED, AskedStep.FORWARDED, AskedStep.DONE, AskedStep.TAKEN_BACK)
)
"""the steps after which nothing is waited for"""


@dataclass(frozen=True, slots=True)
class RequestStep:
    """One step of a request, in the order of :attr:`number`, from 1."""

    number: int
    step: AskedStep
    at: float
    actor: str
    reason: str = ""
    """of a refusal: one of :class:`RefusalReason`"""
    reference: str = ""
    """the order that was made of it, or whom it was forwarded to"""
    text: str = ""


@dataclass(frozen=True, slots=True)
class AuthorityRequest:
    """A request of an authority as it came in. Times are Unix seconds."""

    number: int
    authority: str
    official: str
    document: str
    kind: AskedKind
    way: AskedWay
    asked: str
    """in words, without names of sites where they are confidential"""
    received_at: float
    due_at: int
    """the last second in which it has an outcome in time"""
    noted_by: str
    noted_at: float
    steps: tuple[RequestStep, ...] = ()

    @property
    def reference(self) -> str:
        """The text by which people name it: ``P-7``."""
        return f"P-{self.number}"

    @property
    def outcome(self) -> RequestStep | None:
        """The step that closed it."""
        return next((each for each in reversed(self.steps) if each.step in CLOSING), None)

    @property
    def open(self) -> bool:
        """True while it has no outcome."""
        return self.outcome is None


def paper_key(document: str) -> str:
    """A document number as numbers are compared: its letters and digits alone, without case and accents."""
    return "".join(_bare(document))[:256]


def _bare(text: str) -> Iterator[str]:
    for each in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()):
        if each.isalnum():
            yield str(unicodedata.decimal(each, each))


class ContactKind(StrEnum):
    """The two sides of the telephone."""

    OFFICER = "officer"
    """of the provider, by the name of the account"""
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class DutyContact:
    """The way to reach somebody: an officer of the provider by account, or an authority."""

    id: str
    """the account, or the id or name of the authority"""
    kind: ContactKind
    name: str
    telephone: str
    mail: str = ""
    deputy: str = ""
    """the account of whoever stands in"""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch of duty of one officer. Times are Unix seconds; the end is exclusive."""

    number: int
    account: str
    begins_at: int
    ends_at: int
    deputy: str = ""
    told_at: float = 0.0
    """when the authority was told of the change of officer; 0: nobody noted that"""
    told_reference: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """The words of an officer to the next one, with what was open when they were written."""

    number: int
    written_at: float
    actor: str
    text: str
    open_items: tuple[str, ...] = ()
    """lines like ``enforce O-7 2026-11-27T03:00:00Z``, without any name"""
    seen: tuple[tuple[str, float], ...] = ()
    """the accounts that acknowledged it, with the moment"""

    def waits(self, person: str) -> bool:
        """True while nobody but the writer has read it; ``person``: who would read it."""
        return not self.seen and person != self.actor
