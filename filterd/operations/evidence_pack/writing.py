"""Writes an evidence pack as a file: under its name stands a whole pack or none."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from filterd.disk.files import rename_file
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.evidence_pack.scope import PackScope
from filterd.operations.evidence_pack.stream import EvidenceStream, Progress


@dataclass(frozen=True, slots=True)
class WrittenPack:
    """A pack that was written."""

    path: Path
    size: int
    """bytes"""
    digest: str
    """SHA-256 of the whole file"""
    files: int
    left_out: tuple[dict[str, str], ...]
    """what is not in it, and why"""
    key_id: str
    warning: str = ""


async def write(
    context: Context, path: Path, scope: PackScope, *, issue: bool = True, progress: Progress | None = None
) -> WrittenPack:
    """Write a pack, durably, for its owner alone. Raises OperationError."""
    stream = EvidenceStream(context, scope, issue=issue, progress=progress)
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            draft.chmod(0o600)
            async for piece in stream.chunks():
                await asyncio.to_thread(file.write, piece)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(rename_file, draft, path)
    except OSError as error:
        message = f"the pack cannot be written to {path}: {error.strerror}"
        raise OperationError(message, "choose a directory of yours that has room: --out FILE") from error
    finally:
        draft.unlink(missing_ok=True)
    files, left_out = len(stream.files), tuple(stream.left_out)
    return WrittenPack(path, stream.size, stream.digest, files, left_out, stream.key_id, stream.warning)
