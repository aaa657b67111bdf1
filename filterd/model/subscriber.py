"""A subscriber as the control plane knows one, and the evidence of requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.line import LineChoices


class AskerRole(StrEnum):
    """The authority of a person over a line."""

    HOLDER = "holder"
    """of the contract"""
    AUTHORISED = "authorised"
    """by the holder, with a credential of their own"""


@dataclass(frozen=True, slots=True)
class RequestEvidence:
    """Evidence of a request by the line's holder, as an auditor needs it (LMTR 191, LFPDPPP 7 and 8)."""

    who: str
    """the person who asked, and their authority over the line"""
    channel: str
    """telephone, portal, counter, letter ..."""
    at: float
    """Unix seconds"""
    text_version: str
    """the version of the text that was read out or shown"""
    reference: str
    """the recording, ticket or document"""
    role: AskerRole = AskerRole.HOLDER
    text_digest: str = ""
    """SHA-256 of the text in that version; empty in evidence of before there were files of texts"""
    authorisation: int = 0
    """the number of the credential that an authorised person showed; 0 for the holder"""
    shared: int = 0
    """the number of the shared evidence that it is part of; 0: it is the line's own"""
    recorded_by: str = ""
    """the operator's person or system that typed it; empty in evidence of before that was kept"""
    recorded_at: float = 0.0
    """Unix seconds"""
    source: str = ""
    """the first digits of the SHA-256 of the file that it was imported from"""

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are empty; complete evidence has none."""
        return tuple(
            name for name in ("who", "channel", "at", "text_version", "reference") if not getattr(self, name)
        )


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A person whom the holder of a line authorised. Of their credential there is a digest only. Times are
    Unix seconds, 0 for never."""

    number: int
    line: int
    person: str
    """who, as the holder named them"""
    channel: str
    """the way by which the holder authorised them"""
    reference: str
    """the recording, ticket or document of that"""
    made_by: str
    made_at: float
    expires_at: float
    failures: int = 0
    """wrong credentials in a row"""
    revoked_by: str = ""
    revoked_at: float = 0.0

    @property
    def reference_text(self) -> str:
        """The text by which people name it: ``A-7``."""
        return f"A-{self.number}"

    def state(self, now: float) -> AuthorisationState:
        """The state at ``now``; it can be used while it is valid."""
        if self.revoked_at:
            return AuthorisationState.REVOKED
        if now >= self.expires_at:
            return AuthorisationState.EXPIRED
        return AuthorisationState.LOCKED if self.failures >= MOST_FAILURES else AuthorisationState.VALID


class AuthorisationState(StrEnum):
    """The state of an authorised person's credential: of use, or why not."""

    VALID = "valid"
    EXPIRED = "expired"
    LOCKED = "locked"
    """by too many wrong tries in a row"""
    REVOKED = "revoked"


MOST_FAILURES = 5
"""wrong tries in a row that lock a credential"""


@dataclass(frozen=True, slots=True)
class SharedEvidence:
    """Evidence that many rows of an import share. Times are Unix seconds, 0 for never."""

    number: int
    source: str
    """SHA-256 of the file"""
    asked_by: str
    asked_at: float
    reason: str
    """why these lines have no evidence of their own"""
    approved_by: str = ""
    approved_at: float = 0.0
    rejected_by: str = ""
    rejected_at: float = 0.0

    @property
    def reference(self) -> str:
        """The text by which people name it: ``E-7``."""
        return f"E-{self.number}"

    @property
    def state(self) -> str:
        """``pending``, ``approved`` or ``rejected``."""
        if self.rejected_at:
            return "rejected"
        return "approved" if self.approved_at else "pending"


@dataclass(frozen=True, slots=True)
class PendingOptIn:
    """A row of shared evidence that waits for another person."""

    line: int
    profile: str
    evidence: RequestEvidence


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The holder of a line: the operator's own name for the line, its choices and its prefixes."""

    id: str
    choices: LineChoices
    bindings: tuple[str, ...]
    added_at: float

    @property
    def line(self) -> int:
        """The number of the line, which identifies it everywhere else."""
        return self.choices.line
