"""What the control plane keeps of feeds, snapshots and nodes. Times are Unix seconds, 0 for never."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class VersionState(StrEnum):
    """What became of a version of a feed."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    """outside the feed's guard: the version before it stays"""


@dataclass(frozen=True, slots=True)
class FeedVersion:
    """One version of a feed's list, as read."""

    feed: str
    version: int
    state: VersionState
    digest: str
    """SHA-256 of the sorted canonical rules"""
    source_digest: str
    """SHA-256 of the bytes that were read"""
    names: int
    skipped: int
    at: float
    note: str = ""
    """why it is quarantined"""


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """When a feed was last looked at, and how that went; ``error`` is empty after a success."""

    feed: str
    checked_at: float
    succeeded_at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A policy snapshot that was published."""

    file: str
    digest: str
    revision: int
    """``built_at_revision``: the state of the store that it holds"""
    built_at: float
    names: int
    size: int
    """bytes"""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a resolver last said of itself."""

    name: str
    seen_at: float
    mandatory_revision: int
    parental_revision: int
    snapshot_digest: str
    ready: bool
    lists: dict[str, str]
    """list id -> its version and digest on the node"""
