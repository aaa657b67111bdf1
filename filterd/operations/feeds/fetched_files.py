"""The list that a feed's server gave last, as it arrived, with the server's marks of it: so that the server
can be asked whether it has a newer one.

``state_dir/feeds/<feed>/fetched/<sha256>.list`` is the list, ``current.json`` beside it names it. They count
only together, and only while the list has its digest. Nothing of a confidential feed is written here.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from filterd.config.feed_entries import definition_of
from filterd.disk import checked_file
from filterd.disk.files import make_directory, rename_file
from filterd.fetch.request import ListReply, Validators
from filterd.policy.documents import Feed

_NOTE = "current.json"
_OLD = re.compile(rb"\{[^\n]*\}")
"""the note of a version before, without a checksum"""
_PIECE = 1 << 20
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list that is kept."""

    path: Path
    address: str
    """SHA-256 of the address that it came from: that may hold a token"""
    validators: Validators
    at: float
    """when it arrived whole, Unix seconds"""
    definition: str
    """SHA-256 of the entry that it was taken by"""


@dataclass(frozen=True, slots=True)
class Draft:
    """The file that a list arrives in."""

    path: Path
    file: FileIO


def directory_of(state_dir: Path, feed: str) -> Path:
    """The place of what a feed's servers gave."""
    return state_dir / "feeds" / feed / "fetched"


def digest_of_entry(feed: Feed) -> str:
    """A mark of the feed's entry that changes with it."""
    return _sha256(definition_of(feed))


@contextmanager
def drafting(directory: Path, *, confidential: bool) -> Iterator[Draft]:
    """A file to receive a list, removed at the end unless it was kept. That of a confidential feed is in
    memory alone. Raises ``OSError``."""
    if confidential:
        descriptor = os.memfd_create("list", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "w+b", buffering=0) as memory:
            yield Draft(Path(f"/proc/self/fd/{descriptor}"), memory)
        return
    make_directory(directory)
    path = directory / f"{os.getpid()}-{next(_numbers)}.new"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b", buffering=0) as file:
            yield Draft(path, file)
    finally:
        path.unlink(missing_ok=True)


def keep(draft: Draft, feed: Feed, address: str, reply: ListReply, at: float) -> None:
    """Keep what arrived, durably, in place of what was kept before. Raises ``OSError``: then the server is
    asked for all of it the next time."""
    os.fsync(draft.file.fileno())
    directory = draft.path.parent
    path = directory / f"{reply.digest}.list"
    rename_file(draft.path, path)
    note = {
        "list": path.name,
        "size": reply.size,
        "address": _sha256(address),
        "etag": reply.validators.etag,
        "last_modified": reply.validators.last_modified,
        "at": at,
        "definition": digest_of_entry(feed),
    }
    checked_file.write(directory / _NOTE, json.dumps(note).encode("ascii"))
    for other in directory.glob("*.list"):
        if other != path:
            other.unlink(missing_ok=True)


def note_entry(state_dir: Path, feed: Feed) -> None:
    """Note that what is kept was taken by this entry."""
    path = directory_of(state_dir, feed.id) / _NOTE
    note = _read_note(path)
    if note and note.get("definition") != digest_of_entry(feed):
        note["definition"] = digest_of_entry(feed)
        with contextlib.suppress(OSError):
            checked_file.write(path, json.dumps(note).encode("ascii"))


def kept_entry(state_dir: Path, feed: Feed) -> str:
    """The mark of the entry by which what is kept was taken; empty where nothing is."""
    return str(_read_note(directory_of(state_dir, feed.id) / _NOTE).get("definition", ""))


def kept(state_dir: Path, feed: Feed, address: str) -> KeptList | None:
    """The list that this address gave last, if it is here as it arrived."""
    directory = directory_of(state_dir, feed.id)
    note = _read_note(directory / _NOTE)
    try:
        found = KeptList(
            path=directory / Path(str(note["list"])).name,
            address=str(note["address"]),
            validators=Validators(str(note["etag"]), str(note["last_modified"])),
            at=float(note["at"]),
            definition=str(note["definition"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    if found.address != _sha256(address) or not found.validators or not _is_sound(found.path):
        return None
    return found


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(checked_file.read(path, _OLD))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _is_sound(path: Path) -> bool:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return False
    return digest.hexdigest() == path.stem


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
