"""Remembers what the version in force was read from, so that the same source is not parsed again.

``state_dir/feeds/<feed>/.read_from`` is a note, never the truth: where it is missing, damaged or about
another version, the feed is parsed; so is one of which something is held back, whose hold stands by what the
source gives. It is believed only together with the version's file, whose every byte is
compared with the digest in the store.
"""

from __future__ import annotations

import contextlib
import json
import stat
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import filterd
from filterd.config.feed_entries import entry_of
from filterd.config.policies import suffixes_digest
from filterd.disk import checked_file
from filterd.disk.given_file import GivenFile
from filterd.feed.parsing import PARSER_VERSION, ParseReport
from filterd.feed.source import SourceError
from filterd.model.records import FeedVersion
from filterd.operations.feeds import rule_files, verifying
from filterd.operations.feeds.taking import FeedUpdate
from filterd.operations.feeds.verifying import Source
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
    held: int
    standing: tuple[str, ...]


def stamp_of(source: GivenFile) -> Stamp | None:
    """The stamp of a source; None where it is no file that can be looked at."""
    try:
        status = source.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):  # a pipe would wait for its writer
        return None
    return (status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size)


def origin_of(source: Source, feed: Feed, documents: Policies, secret: bytes | None) -> Origin | None:
    """The origin of what would be read now; None where the source cannot be read."""
    if stamp_of(source.file) is None:
        return None
    digest = begin_list_digest(secret)
    try:
        verifying.digest_of(source.file, digest.update)
    except (OSError, SourceError):
        return None
    proof = "" if source.record.proof is None else str(source.record.proof)
    return Origin(f"{digest.hexdigest()} {proof}", _definition_digest(feed, documents))


def _definition_digest(feed: Feed, documents: Policies) -> str:
    """The digest of the feed's entry and of everything else that reading and judging a list looks at."""
    entry = {key: value for key, value in entry_of(feed).items() if key not in _ARRIVAL}
    judged_by = (documents.expected, documents.protected, sorted(documents.popular))
    looked_at = (filterd.__version__, PARSER_VERSION, suffixes_digest(), sorted(entry.items()), judged_by)
    return sha256(repr(looked_at).encode()).hexdigest()


def still_stands(
    state_dir: Path, origin: Origin, version: FeedVersion, secret: bytes | None
) -> FeedUpdate | None:
    """The outcome for a version that was read from this origin and whose file is sound, else None."""
    path = rule_files.rule_file(state_dir, version.feed, version.version)
    note = _noted(path.parent)
    if note is None or note.held or (note.source, note.definition) != (origin.source, origin.definition):
        return None
    if not version.digest or (note.version, note.digest) != (version.version, version.digest):
        return None
    if rule_files.digest_of(path, secret) != version.digest:
        return None
    return FeedUpdate(
        feed=version.feed,
        outcome="unchanged",
        version=version,
        report=ParseReport(count=version.skipped),
        standing=note.standing,
    )


def remember(state_dir: Path, origin: Origin, done: FeedUpdate) -> None:
    """Note what the version in force was read from. A disk that takes nothing costs one more reading."""
    version = done.version
    if version is None or done.outcome not in ("updated", "unchanged"):
        return
    note = _Note(
        source=origin.source,
        definition=origin.definition,
        version=version.version,
        digest=version.digest,
        held=done.held,
        standing=done.standing,
    )
    directory = rule_files.rule_file(state_dir, version.feed, version.version).parent
    with contextlib.suppress(OSError):
        checked_file.write(directory / NOTE, json.dumps(asdict(note)).encode())


def _noted(directory: Path) -> _Note | None:
    try:
        note = _Note(**json.loads(checked_file.read(directory / NOTE)))
        return replace(note, standing=tuple(note.standing))
    except (OSError, ValueError, TypeError):
        return None
