"""Remembers what the version in force was read from, so that the same source is not parsed again.

``state_dir/feeds/<feed>/.read_from`` is a note, never the truth: where it is missing, damaged or about
another version, the feed is parsed. It is believed only together with the version's file, whose every byte is
compared with the digest in the store.
"""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import filterd
from filterd.config.feed_entries import entry_of
from filterd.config.policies import suffixes_digest
from filterd.disk.files import replace_file
from filterd.feed.parsing import PARSER_VERSION
from filterd.model.records import FeedVersion
from filterd.operations.feeds import rule_files
from filterd.policy.digests import begin_list_digest
from filterd.policy.documents import Feed, Policies

NOTE = ".read_from"
_ARRIVAL = ("refresh", "stale_after", "mirrors", "pins", "login", "ca")
"""keys of an entry that say how a list arrives, and nothing of how it is read or judged"""

Stamp = tuple[int, int, int, int]
"""device, inode, time of change and size of a file"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Everything that a version depends on before it is parsed."""

    source: str
    """the digest of the source's bytes as they lie on disk; keyed for a confidential feed"""
    definition: str
    """the digest of what decides how they are read and judged"""


@dataclass(frozen=True, slots=True)
class _Note:
    source: str
    definition: str
    version: int
    digest: str
    misplaced: tuple[str, ...]


def stamp_of(source: Path) -> Stamp | None:
    """The stamp of a source; None where it is no file that can be looked at."""
    try:
        status = source.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):  # a pipe would wait for its writer
        return None
    return (status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size)


def origin_of(source: Path, feed: Feed, documents: Policies, secret: bytes | None) -> Origin | None:
    """The origin of what would be read now; None where the source cannot be read."""
    digest = begin_list_digest(secret)
    try:
        for piece in rule_files.read_pieces(source):
            digest.update(piece)
    except OSError:
        return None
    return Origin(digest.hexdigest(), _definition_digest(feed, documents))


def _definition_digest(feed: Feed, documents: Policies) -> str:
    """The digest of the feed's entry and of everything else that reading and judging a list looks at."""
    entry = {key: value for key, value in entry_of(feed).items() if key not in _ARRIVAL}
    judged_by = (documents.expected, documents.protected)
    looked_at = (filterd.__version__, PARSER_VERSION, suffixes_digest(), sorted(entry.items()), judged_by)
    return sha256(repr(looked_at).encode()).hexdigest()


def still_stands(
    state_dir: Path, origin: Origin, version: FeedVersion, secret: bytes | None
) -> tuple[str, ...] | None:
    """The misplaced names of the version if it was read from this origin and its file is sound, else None."""
    path = rule_files.rule_file(state_dir, version.feed, version.version)
    note = _noted(path.parent)
    if note is None or (note.source, note.definition) != (origin.source, origin.definition):
        return None
    if not version.digest or (note.version, note.digest) != (version.version, version.digest):
        return None
    return note.misplaced if rule_files.digest_of(path, secret) == version.digest else None


def remember(state_dir: Path, origin: Origin, version: FeedVersion, misplaced: Sequence[str]) -> None:
    """Note that the version was read from this origin. A disk that takes nothing costs one more reading."""
    note = _Note(origin.source, origin.definition, version.version, version.digest, tuple(misplaced))
    directory = rule_files.rule_file(state_dir, version.feed, version.version).parent
    with contextlib.suppress(OSError):
        replace_file(directory / NOTE, [json.dumps(asdict(note)).encode()])


def _noted(directory: Path) -> _Note | None:
    try:
        note = _Note(**json.loads((directory / NOTE).read_bytes()))
        return _Note(note.source, note.definition, note.version, note.digest, tuple(note.misplaced))
    except (OSError, ValueError, TypeError):
        return None
