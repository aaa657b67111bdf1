"""The settings on notices to the holders of lines, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filterd.config.value_types import Seconds


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A receiver of notices."""

    id: str
    url: str
    secret_file: Path
    events: tuple[str, ...]
    """the kinds of notices that it gets; empty: all"""
    ca: Path | None
    """a PEM file of the authorities for its server; None: those of the system"""
    timeout: Seconds
    """of one attempt"""

    def wants(self, kind: str) -> bool:
        """True if notices of this kind are for it."""
        return not self.events or kind in self.events


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Notices to the holders of lines."""

    webhooks: tuple[WebhookSettings, ...]
    retry_for: Seconds
    """how long a notice is tried again"""
    keep: Seconds
    """how long one that is done is kept"""
    profile_changes: Seconds
    """how long after its notice another meaning of a profile takes effect"""
    most: int
    """the most that are stored at one time"""
