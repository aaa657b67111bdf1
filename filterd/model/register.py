"""Registers: what an authority publishes by document, the items of a document, and the answer to each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_AGAIN = re.compile(r"(?P<given>.*) \(again (?P<run>[0-9]+)\)")
"""the number of a run that takes up what a document was refused"""
LONGEST_TAKEN_UP = 230
"""characters of a document's number to which that may be added"""


def again_of(document: str, run: int) -> str:
    """The number of the run that takes up what a document was refused."""
    return f"{document} (again {run})"


def is_again(document: str) -> bool:
    """True for a number that none but such a run may have."""
    return _AGAIN.fullmatch(document) is not None


class RegisterKind(StrEnum):
    """The forms in which registers come."""

    CSV = "csv"
    JSON = "json"
    POLAND = "poland"
    """the register of domains of unlawful gambling, XML; absence means unblock"""
    ADM = "adm"
    """Italy's list with a control file"""
    TICKETS = "tickets"
    """tickets and full lists of Italy's platform"""


class ItemAct(StrEnum):
    """The demand of an item."""

    BLOCK = "block"
    UNBLOCK = "unblock"


class ItemAnswer(StrEnum):
    """The machine answer to an item."""

    PROCESSED = "processed"
    UNPROCESSED = "unprocessed"


class ItemReason(StrEnum):
    """The reasons for which an item is not processed: all there are."""

    PROTECTED = "protected"
    """a protected name, or one that many people use: people decide on it, never a machine"""
    NOT_EXECUTABLE = "not_executable_by_dns"
    """DNS could do it only by blocking more than is demanded, or not at all"""
    OVER_CAPACITY = "over_capacity"
    """the room that was declared for the authority is full; nothing else gives way for it"""
    MALFORMED = "malformed"


class RunOrigin(StrEnum):
    """The way by which a document came."""

    FILE = "file"
    PULL = "pull"
    PUSH = "push"


class RunState(StrEnum):
    """The state of a document that was taken in."""

    TAKEN = "taken"
    HELD = "held"
    """a part of it waits for a person: too many removals at once, or the list's own guard"""


@dataclass(frozen=True, slots=True)
class RegisterItem:
    """One item of a document with its answer. Times are Unix seconds, 0 for none."""

    number: int
    """in its document, from 1"""
    act: ItemAct
    value: str
    """the name or address as it is blocked, or as it was written; empty in a confidential register"""
    line: int = 0
    """of the document; 0: it has none"""
    place: str = ""
    """its number in the register, where it has one"""
    due_at: float = 0.0
    """when it has to be in force, or lifted"""
    done_at: float = 0.0
    """when that was decided; its answer waits for the nodes, for a bounded time"""
    answer: ItemAnswer | None = None
    """None: not yet"""
    reason: ItemReason | None = None
    detail: str = ""
    """more words on the reason, for people"""
    answered_at: float = 0.0


@dataclass(frozen=True, slots=True)
class RegisterRun:
    """A document that a register gave, as it was taken in. Times are Unix seconds, 0 for none."""

    number: int
    register: str
    document: str
    digest: str
    """SHA-256 of its bytes"""
    origin: RunOrigin
    received_at: float
    due_at: float
    """when its answers are due"""
    state: RunState
    actor: str
    items: int = 0
    order: int = 0
    """the number of the order that it is now; 0: none, or a list"""
    first_order: int = 0
    """the number of the order that it became; ``order`` is a later one where a part of that was unblocked"""
    problem: str = ""
    """why it is held or refused, for people"""
    answered_at: float = 0.0
    """when the last item had its answer"""
    attempts: int = 0
    """to deliver the answers"""
    next_at: float = 0.0
    """the next attempt; 0: none is due"""
    delivered_at: float = 0.0
    trouble: str = ""
    """why the last attempt failed"""

    @property
    def given(self) -> str:
        """The document's number as the authority gave it."""
        found = _AGAIN.fullmatch(self.document)
        return self.document if found is None else found["given"]

    @property
    def again(self) -> bool:
        """True where it takes up what its document was refused before."""
        return is_again(self.document)


@dataclass(frozen=True, slots=True)
class RegisterAdoption:
    """The decision of two people to take what a register says under its guards."""

    register: str
    terms: str
    """the digest of its terms: with other terms it has to be adopted anew"""
    reason: str
    asked_by: str
    asked_at: float
    adopted_by: str = ""
    """empty: another person has to confirm it"""
    adopted_at: float = 0.0

    @property
    def people(self) -> tuple[str, ...]:
        """Those who stand behind it."""
        return (self.asked_by, self.adopted_by) if self.adopted_at else ()


@dataclass(frozen=True, slots=True)
class RegisterPull:
    """The state of a register's pulls."""

    register: str
    tried_at: float
    good_at: float = 0.0
    problem: str = ""
    """of the last attempt; empty: it was good"""
