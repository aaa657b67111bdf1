"""The settings on the lists that this installation publishes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """The publishing of lists of one's own."""

    directory: Path | None
    """from which the public pages serve what was published; None: they serve none"""
    key_file: Path
    """the secret key of minisign"""
    licence: str
    """the terms that manifests name; empty: none are told"""
    on_change: bool
    """control publishes again what changed"""
