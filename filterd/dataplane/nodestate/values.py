"""What a node is given, what it gives to the query path, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.lines import Lines
from filterd.policy.decide import PublishedState


@dataclass(frozen=True, slots=True)
class Published:
    """What the query path works with until the next one. ``state`` None: the mandatory part is missing."""

    state: PublishedState | None
    lines: Lines
    addresses: Addresses
    identity_ready: bool
    """whether ``addresses`` can be trusted to hold every known line"""
    built_at: int = 0
    """when the snapshot was made, Unix seconds: it is not earlier than that"""


class NodeObserver(Protocol):
    """Who is told what happens on the node; called on its thread."""

    def note(self, event: str, **fields: object) -> None:
        """Something that an operator should know. No field holds a name, a line or an address."""

    def enforced(self, seconds: float) -> None:
        """An order took effect so long after it was written."""

    def failed(self, error: Exception) -> None:
        """A turn ended in an error that nobody foresaw; the node goes on with what it has."""


@dataclass(frozen=True, slots=True)
class NodePaths:
    """Where a node keeps and finds things. ``store`` None: there is none to follow."""

    state_dir: Path
    store: Path | None
    key: bytes
    """the installation's fingerprint key, 16 bytes"""
