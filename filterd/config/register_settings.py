"""The settings on registers of authorities, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filterd.config.notice_settings import WebhookSettings
from filterd.config.register_way_settings import ListedPageSettings, TicketPlatformSettings
from filterd.config.value_types import Seconds
from filterd.model.blocking_mode import BlockingMode
from filterd.model.register import RegisterKind


@dataclass(frozen=True, slots=True)
class RegisterGuardSettings:
    """Bounds on what a register may do at once without a person."""

    max_removals: int = 100
    """names that absence unblocks at once; with more, all of them wait for a person"""
    min_entries: int = 1
    """a whole list with fewer is refused: it is a failure, and no unblock"""


@dataclass(frozen=True, slots=True)
class CapacityDeclared:
    """The room that was declared to an authority; 0: none was declared for it, and it is not bounded."""

    names: int = 0
    addresses: int = 0


@dataclass(frozen=True, slots=True)
class RegisterSettings:
    """A register of an authority."""

    id: str
    kind: str
    authority: str
    ground: str
    law: str
    official: str
    """who signs, where a document names nobody"""
    source: str
    """the address or path that is pulled; empty: it is pushed, or handed in by command"""
    list: str
    """the feed that its whole list becomes: absence means unblock; empty: its documents become orders"""
    pull_every: Seconds
    push_secret_file: Path | None
    """None: nothing can be pushed"""
    answers: WebhookSettings | None
    """the receiver of answers; None: they are fetched, or given in the reply to a push"""
    answer_within: Seconds
    guard: RegisterGuardSettings
    capacity: CapacityDeclared
    confidential: bool
    overblocking: bool
    """addresses and URLs are followed too: the decision to block more than was demanded (R9)"""
    blocking_mode: str
    """of the orders that it makes"""
    ca: Path | None
    """a PEM file for the source's server; None: that of feeds"""
    largest: int
    """bytes of a document"""

    page: ListedPageSettings | None = None
    """how the page at ``source`` names the list; of kind adm alone"""
    platform: TicketPlatformSettings | None = None
    """the account at the platform; of kind tickets alone"""

    @property
    def as_kind(self) -> RegisterKind:
        """The kind."""
        return RegisterKind(self.kind)

    @property
    def mode(self) -> BlockingMode:
        """The blocking mode."""
        return BlockingMode[self.blocking_mode.upper()]

    @property
    def answers_are_sent(self) -> bool:
        """True where answers are delivered: posted, or replied to a platform."""
        return self.answers is not None or self.as_kind is RegisterKind.TICKETS
