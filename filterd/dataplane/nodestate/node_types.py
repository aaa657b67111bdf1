"""The node's paths, the state that it publishes for the query path, and the observer that it informs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filterd.dataplane.nodestate.bindings import KnownBindings
from filterd.dataplane.nodestate.unread import UnreadChanges
from filterd.dataplane.tables.lines import Lines
from filterd.policy.decide import PublishedState


@dataclass(frozen=True, slots=True)
class Published:
    """The state that the query path works with until the next. ``state`` is None while the mandatory part is
    missing."""

    state: PublishedState | None
    lines: Lines
    bindings: KnownBindings
    identity_ready: bool
    """true if ``bindings`` can be trusted to hold every known line"""
    earliest: int = 0
    """Unix seconds; a clock that shows an earlier time is wrong"""
    unread: UnreadChanges | None = None
    """lines that the store changed before the start, and that are not followed yet; None: there are none"""


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """An order that a node keeps in force though the store does not demand it in that form."""

    reference: str
    since: float
    """Unix seconds"""


class NodeObserver(Protocol):
    """Receives what happens on the node, on the node's thread."""

    def note(self, event: str, **fields: object) -> None:
        """An event that an operator should know of. No field holds a name, a line or an address."""

    def enforced(self, seconds: float) -> None:
        """An order took effect ``seconds`` after it was written."""

    def failed(self, error: Exception) -> None:
        """A turn ended in an unforeseen error; the node goes on with what it has."""


@dataclass(frozen=True, slots=True)
class NodePaths:
    """The paths of a node's state and of the store. ``store`` is None where there is none to follow."""

    state_dir: Path
    store: Path | None
    key: bytes
    """the installation's fingerprint key, 16 bytes"""
