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

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are empty; complete evidence has none."""
        return tuple(
            name for name in ("who", "channel", "at", "text_version", "reference") if not getattr(self, name)
        )


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
