"""A record of the public pages: which files they were, and what each said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Stamp:
    """The record that a page is of, as the page shows it."""

    number: int
    at: float
    """Unix seconds"""
    revision: int
    """of the store"""


UNSTAMPED = Stamp(0, 0.0, 0)
"""the stamp of a page that is made only to see whether it says something else"""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the pages."""

    said: str
    """SHA-256 of the file without its stamp: the same as long as it says the same"""
    digest: str
    """SHA-256 of the file as it was published"""
    since: int
    """the number of the record since which it says this"""


@dataclass(frozen=True, slots=True)
class PageRecord:
    """The pages as they were from one moment on."""

    stamp: Stamp
    facts: str
    """the digest of the facts"""
    files: Mapping[str, PageFile]
    """by path, below the directory of an export"""
    exported_at: float = 0.0
    """when they were last exported, Unix seconds; 0: never"""

    @property
    def digest(self) -> str:
        """SHA-256 of the list of all files with their digests, as ``sha256sum`` writes it."""
        return sha256(self.sums.encode()).hexdigest()

    @property
    def sums(self) -> str:
        """The list of all files with their digests, as ``sha256sum`` writes it."""
        return "".join(f"{file.digest}  {path}\n" for path, file in sorted(self.files.items()))
