"""Copies the store and the lists in use into a backup: a directory of plain files under checksums.

A backup holds no key. The keys of ``state_dir/keys``, the configuration and the policies directory are kept
apart from it, and so is the ledger (:mod:`filterd.store.ledger`), which must not be rolled back with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filterd
from filterd.disk.files import rename_file, replace_file
from filterd.operations import audit, integrity
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds.rule_files import rule_file
from filterd.operations.privacy import made_backups
from filterd.operations.privacy.made_backups import MadeBackup
from filterd.store import feeds
from filterd.store.copying import copy_store
from filterd.store.engine import database_path

FORMAT = 1
STORE = "filterd.db"
LISTS = "lists"
MANIFEST = "manifest.json"
_PIECE = 1 << 20

Progress = Callable[[str, int, int], None]
"""takes the present step, the number of items done, and the total"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts of a backup. ``files`` maps the path of each file in it to its SHA-256."""

    format: int
    version: str
    """of the filterd that made it"""
    made_at: float
    revision: int
    hash: str
    """of the change at ``revision``"""
    files: dict[str, str]


async def backup(context: Context, target: Path, progress: Progress | None = None) -> Manifest:
    """Make the directory ``target`` and put a backup there, while everything runs. Nothing stands under that
    name until the backup is whole. Raises OperationError and StoreError."""
    _require_new(target)
    await _require_sound(context)
    state_dir = context.settings.state_dir
    place, draft = _places(target)
    try:
        await asyncio.to_thread(made_backups.drop_drafts, state_dir)
        with made_backups.drafting(state_dir, draft):
            draft.mkdir(mode=0o700)
            manifest = await _fill(context, draft, progress or _silent)
            replace_file(draft / MANIFEST, (json.dumps(asdict(manifest), indent=1).encode(),))
            made = MadeBackup(str(place), manifest.made_at, manifest.revision)
            with made_backups.remembered(state_dir, made):
                rename_file(draft, place)
    except OSError as error:
        message = f"the backup {target} was not made: {error.strerror or 'another one is being made there'}"
        remedy = f"see that {target.parent} is there, has room (df), and belongs to the owner of the store"
        raise OperationError(message, remedy) from error
    return manifest


def _places(target: Path) -> tuple[Path, Path]:
    """The directories of a backup and of its draft, for a note that other processes read."""
    place = target.absolute()
    return place, place.with_name(f".{place.name}.new")


def _require_new(target: Path) -> None:
    if target.exists():
        message = f"{target} exists already"
        raise OperationError(message, "name a directory that is not there yet, one for each backup")


async def _require_sound(context: Context) -> None:
    """A backup of a store that is not the newest one, or not what was decided, would be worth nothing."""
    await context.store.require_newest()
    async with context.store.read() as connection:
        integrity.require_sound(await integrity.faults(connection))
    proof = await audit.verify(context)
    if not proof.holds:
        message = f"no backup was made: entry {proof.sequence} of the audit trail: {proof.fault}"
        raise OperationError(
            message, "see: filterd audit verify; keep the store file and the last good backup"
        )


async def _fill(context: Context, draft: Path, progress: Progress) -> Manifest:
    store = database_path(context.settings.store.url)
    await asyncio.to_thread(
        copy_store, store, draft / STORE, lambda done, all_: progress("store", done, all_)
    )
    revision, digest = _close_copy(draft / STORE)
    async with context.store.read() as connection:
        current = await feeds.current(connection)
    (draft / LISTS).mkdir(mode=0o700)
    for done, version in enumerate(current.values()):
        progress(f"list {version.feed}", done, len(current))
        source = rule_file(context.settings.state_dir, version.feed, version.version)
        if source.exists():  # one that is lost is read anew from its source
            await asyncio.to_thread(_copy_file, source, draft / LISTS / f"{version.feed}.{source.name}")
    progress("checksums", 0, 1)
    files = await asyncio.to_thread(_digests, draft)
    return Manifest(FORMAT, filterd.__version__, context.clock(), revision, digest, files)


def _digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file below, by its path."""
    found = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {path.relative_to(directory).as_posix(): digest_of(path) for path in found}


def read_manifest(source: Path) -> Manifest:
    """The manifest of the backup in ``source``, whose files are as it says. Raises OperationError."""
    try:
        fields: dict[str, Any] = json.loads((source / MANIFEST).read_bytes())
        manifest = Manifest(**fields)
        wrong = [name for name, digest in manifest.files.items() if digest_of(source / name) != digest]
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its manifest cannot be read"
        message = f"{source} is no backup of filterd: {reason}"
        raise OperationError(
            message, "name the directory that filterd backup made, readable for this user"
        ) from error
    if wrong or STORE not in manifest.files or manifest.format != FORMAT:
        message = f"the backup {source} is damaged or of another format: {', '.join(wrong) or MANIFEST}"
        raise OperationError(message, "take another backup; nothing was changed")
    return manifest


def lists_of(source: Path, manifest: Manifest) -> list[tuple[Path, str, int]]:
    """The lists in a backup: the file of each, its feed and its version."""
    found = []
    for name in manifest.files:
        folder, _, file = name.partition("/")
        if folder == LISTS and file.endswith(".rules"):
            feed, _, version = file.removesuffix(".rules").rpartition(".")
            found.append((source / name, feed, int(version)))
    return found


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal. Raises ``OSError``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _close_copy(path: Path) -> tuple[int, str]:
    """Make the copy one file that needs no other; return its revision and hash."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE").fetchone()
        revision, digest = copy.execute("SELECT revision, change_hash FROM head").fetchone()
    return int(revision), str(digest)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        replace_file(target, iter(lambda: file.read(_PIECE), b""))


def copy_list(source: Path, target: Path) -> None:
    """Put a list of a backup in its place, unless the same stands there. Raises ``OSError``."""
    if target.exists() and digest_of(target) == digest_of(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _copy_file(source, target)


def _silent(_what: str, _done: int, _all: int) -> None:
    pass
