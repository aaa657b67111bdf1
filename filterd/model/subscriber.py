"""A subscriber as the control plane knows one, and the evidence of what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.line import LineChoices


@dataclass(frozen=True, slots=True)
class RequestEvidence:
    """That the line's holder asked, in the terms an auditor asks for (LMTR 191, LFPDPPP 7 and 8)."""

    who: str
    """who asked, and on what authority over the line"""
    channel: str
    """by which way: telephone, portal, counter, letter ..."""
    at: float
    """when, Unix seconds"""
    text_version: str
    """the version of the text that was read out or shown"""
    reference: str
    """the recording, ticket or document"""

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are empty; none may be."""
        return tuple(
            part for part in ("who", "channel", "at", "text_version", "reference") if not getattr(self, part)
        )


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A line's holder: the operator's own name for it, its choices, and where its queries come from."""

    id: str
    choices: LineChoices
    bindings: tuple[str, ...]
    added_at: float

    @property
    def line(self) -> int:
        """The line's number, by which everything but this value knows it."""
        return self.choices.line
