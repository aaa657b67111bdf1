"""The settings on signatures, checkpoints and anchors, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filterd.config.value_types import Seconds


class AnchorKind(StrEnum):
    """A place outside the machine that keeps checkpoints."""

    FILE = "file"
    """a file that grows by a line for each checkpoint"""
    DIRECTORY = "directory"
    """a directory with a file for each checkpoint, as a WORM store takes them"""
    RFC3161 = "rfc3161"
    """a time-stamp authority (RFC 3161)"""
    COUNTERSIGN = "countersign"
    """somebody who signs checkpoints with a key of their own, such as a regulator"""


@dataclass(frozen=True, slots=True)
class AnchorSettings:
    """One anchor."""

    id: str
    kind: AnchorKind
    path: Path | None
    """of a file or directory"""
    url: str
    """of a time-stamp authority; empty for other kinds"""
    ca: Path | None
    """a PEM file of the certificates that its tokens are verified by"""
    tls_ca: Path | None
    """a PEM file of the authorities of its server; None: the system's"""
    key: Path | None
    """the public key of who countersigns"""
    every: Seconds
    """the least time between two checkpoints that go there; a countersignature is due after it"""
    timeout: Seconds
    """of one attempt"""


@dataclass(frozen=True, slots=True)
class SigningSettings:
    """Signatures, checkpoints and anchors."""

    checkpoint_key_file: Path
    receipt_key_file: Path
    anchors: tuple[AnchorSettings, ...]
    every: Seconds
    """between two checkpoints, where the trail has grown"""
    statement_at: str
    """the time of day, ``HH:MM`` in the zone of the installation, of the daily statement"""
