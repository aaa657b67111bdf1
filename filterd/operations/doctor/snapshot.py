"""The policy snapshot in force: there, whole, and of what the store has now."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filterd.model.profile_meaning import read_key_of
from filterd.model.records import FeedVersion
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.snapshots import current_file
from filterd.policy import losses, snapshot_layout, unread_categories
from filterd.policy.snapshot_layout import (
    CHECKSUM_AT,
    CHECKSUM_SIZE,
    HEADER_SIZE,
    Header,
    SnapshotError,
    read_header,
)
from filterd.store import change_log, feeds
from filterd.store.errors import StoreError

VERIFY_SECONDS = 5.0
BLOCK = 1024 * 1024
PATIENCE = 900.0
"""seconds that control has to compile a list that was read"""


def check(case: Case) -> Iterator[Finding]:
    """Verify the file that ``current`` names, and compare it with the store."""
    directory = case.state / snapshot_layout.DIRECTORY
    path = current_file(directory)
    if path is None:
        pointer = directory / snapshot_layout.CURRENT
        yield found("snapshot.none" if not stands(pointer) else "snapshot.pointer", path=str(directory))
        return
    if not stands(path):
        yield found("snapshot.file_missing", path=str(path))
        return
    yield from _verified(path)
    try:
        header, meta = facts(path)
        for profile, lost in losses.from_meta(meta).profiles.items():
            yield found("snapshot.profile_kept", profile=profile, lost=", ".join(lost))
        yield from _unread(meta)
        yield from asyncio.run(_compared(case, header, meta))
    except (SnapshotError, StoreError, ValueError):
        return  # both have their own findings


def _unread(meta: Mapping[str, Any]) -> Iterator[Finding]:
    """The categories that profiles restrict and no list was ever read of."""
    unread = unread_categories.from_meta(meta)
    restricted = {
        profile: unread_categories.categories_of(rules) for profile, rules in meta.get("profiles", {}).items()
    }
    for category in unread.categories:
        profiles = sorted({read_key_of(each)[0] for each, has in restricted.items() if category in has})
        yield found("snapshot.category_unread", category=category, profiles=", ".join(profiles))
    for profile, categories in unread.waiting.items():
        yield found("snapshot.category_waits", profile=profile, categories=", ".join(categories))


def facts(path: Path) -> tuple[Header, dict[str, Any]]:
    """Header and meta of a snapshot file. Raises SnapshotError, ``ValueError`` and ``OSError``."""
    with path.open("rb") as file:
        header = read_header(file.read(HEADER_SIZE), path.stat().st_size)
        file.seek(header.meta_offset)
        meta: dict[str, Any] = json.loads(file.read(header.meta_length))
    return header, meta


def _verified(path: Path) -> Iterator[Finding]:
    """Compute the checksum of the file, as far as the time reaches; a block at a time, for the machine may be
    short of memory."""
    deadline = time.monotonic() + VERIFY_SECONDS
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_SIZE)
            header = read_header(start, path.stat().st_size)
            digest.update(start[:CHECKSUM_AT] + bytes(CHECKSUM_SIZE) + start[CHECKSUM_AT + CHECKSUM_SIZE :])
            while block := file.read(BLOCK):
                if time.monotonic() > deadline:
                    yield found("snapshot.unchecked", snapshot=path.name, seconds=VERIFY_SECONDS)
                    return
                digest.update(block)
        snapshot_layout.check_checksum(header, digest.digest())
    except SnapshotError as error:
        yield found("snapshot.damaged", snapshot=path.name, reason=str(error))


async def _compared(case: Case, header: Header, meta: Mapping[str, Any]) -> list[Finding]:
    async with reading.opened(case) as context, context.store.read() as connection:
        revision = await change_log.revision(connection)
        there = await change_log.hash_at(connection, header.built_at_revision)
        current = await feeds.current(connection)
    told = str(meta.get(snapshot_layout.HISTORY, ""))
    if header.built_at_revision > revision or (there and told and there != told):
        return [found("snapshot.other_history", revision=header.built_at_revision, store=revision)]
    late = _waiting(current, meta, case.machine.clock())
    return [found("snapshot.behind", lists=late, revision=header.built_at_revision)] if late else []


def _waiting(current: Mapping[str, FeedVersion], meta: Mapping[str, Any], now: float) -> int:
    """The number of lists in the snapshot whose version in the store is newer, and not just read."""
    there = {str(each["id"]): str(each["version"]) for each in meta.get("lists", ())}
    newer = (each for name, each in current.items() if there.get(name, "") not in ("", str(each.version)))
    return sum(now - each.at > PATIENCE for each in newer)
