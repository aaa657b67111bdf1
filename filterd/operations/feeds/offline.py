"""Signs and verifies lists on a machine without a store or a configuration, as one that is kept apart.

Beside the list two files are written, each whole or not at all: its manifest and the signature of that, which
``minisign -V`` verifies too.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filterd.disk.files import replace_file
from filterd.disk.given_file import GivenFile
from filterd.feed.signing import (
    LARGEST_PROOF,
    MANIFEST,
    SIGNATURE,
    KeyFileError,
    ProofError,
    Statement,
    manifest_of,
    open_key,
    public_key_of,
    read_secret_key,
    read_statement,
    sign,
)
from filterd.feed.source import SourceError
from filterd.operations.errors import OperationError
from filterd.operations.feeds.verifying import digest_of, require_regular, small_file

SIGN = "sign the list anew: filterd feed sign FILE --feed ID --serial auto --key KEYFILE"


@dataclass(frozen=True, slots=True)
class Signed:
    """A list that was signed or verified, and the files beside it."""

    file: str
    feed: str
    serial: int
    digest: str
    signer: str
    public_key: str
    """as it stands in the feed's entry"""
    manifest: str
    signature: str
    replaced: int | None = None
    """the serial that the same key gave the list before; None: it signed none that stands there"""


def sign_list(
    file: GivenFile,
    feed: str,
    key_file: GivenFile,
    *,
    serial: int | None,
    password: Callable[[], str],
    clock: Callable[[], float],
) -> Signed:
    """Write the manifest and the signature of a list. ``serial`` None gives it the date and time in UTC, or
    one more than it has where that is higher. ``password`` is called for a key that has one. Raises
    OperationError."""
    try:
        require_regular(file)
        with key_file.open() as content:
            key = read_secret_key(content.read(LARGEST_PROOF))
        with key:
            if key.is_encrypted():
                open_key(key, password())
            public = public_key_of(key)
            replaced = _serial_before(file, feed, public)
            number = _next_serial(replaced, clock) if serial is None else serial
            manifest = manifest_of(digest_of(file), file.path.name)
            signature = sign(key, manifest, feed, number)
    except KeyFileError as error:
        message = f"{key_file}: {error}"
        raise OperationError(message, "give the file that minisign -G made, and its password") from error
    except ValueError as error:
        raise OperationError(
            str(error), "correct it and give the command again; nothing was written"
        ) from error
    except OSError as error:
        message = f"{error.filename or file}: {error.strerror or error}"
        raise OperationError(message, "give files that this user can read; nothing was written") from error
    _write(file, manifest, signature)
    return replace(_signed(file, public, read_statement(public, manifest, signature)), replaced=replaced)


def _serial_before(file: GivenFile, feed: str, public_key: str) -> int | None:
    """The serial of the signature that stands there, if it is by this key and for this feed."""
    try:
        before = read_statement(public_key, *_proof_files(file))
    except (SourceError, ProofError):
        return None
    return before.serial if before.feed == feed else None


def _next_serial(before: int | None, clock: Callable[[], float]) -> int:
    now = int(datetime.fromtimestamp(clock(), UTC).strftime("%Y%m%d%H%M%S"))
    return now if before is None else max(now, before + 1)


def _write(file: GivenFile, manifest: bytes, signature: bytes) -> None:
    """Write both files with the list's own permissions: whoever may read the list may verify it."""
    mode = stat.S_IMODE(file.stat().st_mode) & 0o666
    try:
        for suffix, content in ((MANIFEST, manifest), (SIGNATURE, signature)):
            path = _beside(file, suffix)
            replace_file(path, (content,))
            path.chmod(mode)
    except OSError as error:
        message = f"{error.filename or file}: {error.strerror or error}"
        remedy = "make room or give rights in that directory, then sign it again: both files belong together"
        raise OperationError(message, remedy) from error


def verify_list(file: GivenFile, public_key: str, feed: str | None) -> Signed:
    """Verify a list by the two files beside it, as filterd does before it reads one; ``feed`` None takes that
    of any feed. Raises OperationError."""
    try:
        require_regular(file)
        statement = read_statement(public_key, *_proof_files(file))
        digest = digest_of(file)
    except (ProofError, SourceError) as error:
        raise OperationError(str(error), SIGN) from error
    except OSError as error:
        message = f"{file}: {error.strerror or error}"
        raise OperationError(message, "give a file that this user can read") from error
    if digest != statement.digest:
        message = f"{file} is not the list that was signed: it has another digest than its manifest"
        raise OperationError(message, f"take the list that was signed, or {SIGN}")
    if feed is not None and statement.feed != feed:
        message = f"{file} was signed for the feed {statement.feed}"
        raise OperationError(message, SIGN)
    return _signed(file, public_key, statement)


def _proof_files(file: GivenFile) -> tuple[bytes, bytes]:
    return small_file(_beside(file, MANIFEST)), small_file(_beside(file, SIGNATURE))


def _beside(file: GivenFile, suffix: str) -> Path:
    return file.path.with_name(file.path.name + suffix)


def _signed(file: GivenFile, public_key: str, statement: Statement) -> Signed:
    return Signed(
        str(file),
        statement.feed,
        statement.serial,
        statement.digest,
        statement.signer,
        public_key,
        str(_beside(file, MANIFEST)),
        str(_beside(file, SIGNATURE)),
    )
