"""The input of a snapshot in short: what control compares to see whether the current one is due.

``snapshots/.made_of`` holds the digest of the input and the name of the file that was compiled of it. Every
build writes it, by control or by a command: a snapshot of other policies than control's is compiled anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import filterd
from filterd.config.policies import policy_files, suffixes_digest
from filterd.config.settings import Settings
from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.policy.documents import Policies

MARKER = ".made_of"
MEANINGS = "meanings"
"""the key of a compile's ``in_force`` with the rules of profiles by their names in the snapshot"""

Stamp = tuple[tuple[str, int, int], ...]
"""path, modification time and size of some files"""


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """A value that changes when the files do; missing files are left out."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def policies_stamp(settings: Settings) -> Stamp:
    """The stamp of all documents of the policies that the settings name."""
    return stamp_of(policy_files(settings.policies, settings.policies_base))


class VersionInForce(Protocol):
    """A feed's version, as the store or a compiler's job has it."""

    @property
    def feed(self) -> str:
        """The feed's id."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def digest(self) -> str:
        """The digest of its canonical text."""


def zones_of(settings: Settings) -> tuple[str, str]:
    """The zone of the canary names and that of the test page's names; empty: there are none."""
    public = None if settings.web is None else settings.web.public
    return settings.canary.zone or "", "" if public is None else public.test_zone


def input_digest(
    in_force: Policies,
    versions: Sequence[VersionInForce],
    zones: tuple[str, str] = ("", ""),
    meanings: Mapping[str, Any] | None = None,
    overriding: Sequence[int] = (),
) -> str:
    """A digest of a snapshot's input, except orders: those reach the nodes by themselves. ``versions``: those
    of the feeds in force, in their order; ``zones``: of :func:`zones_of`; ``meanings``: the rules of profiles
    by their names in the snapshot (``operations.snapshot_meanings``); ``overriding``: the ids of the orders
    that take protection off their names, whose demands never change.

    It covers contents and nothing else: a file that is only touched, a comment, or a key that says how a list
    arrives compiles nothing again. Another release or another public suffix list does.
    """
    feeds = [
        (each.id, each.category, each.mandatory, each.security, each.bypass, each.observe)
        for each in in_force.feeds
    ]
    documents = (
        in_force.categories,
        in_force.profiles,
        in_force.services,
        in_force.safe_search,
        in_force.bypass,
        in_force.protected,
    )
    read = [(each.feed, each.version, each.digest) for each in versions]
    made_by = (filterd.__version__, suffixes_digest())
    meant = json.dumps(meanings or {}, sort_keys=True)
    made_of = (made_by, feeds, documents, read, zones, meant, *overriding)
    return hashlib.sha256(repr(made_of).encode()).hexdigest()


def remember(directory: Path, digest: str, file: str) -> None:
    """Note that the snapshot ``file`` was made of the input with this digest."""
    checked_file.write(directory / MARKER, f"{digest} {file}".encode("ascii"))


def remembered(directory: Path, file: str) -> str:
    """The digest of what the snapshot ``file`` was made of; empty if that is not known."""
    try:
        digest, _, made = checked_file.read(directory / MARKER).decode("ascii").partition(" ")
    except (OSError, UnicodeDecodeError, DamagedFileError):
        return ""
    return digest if made == file else ""
