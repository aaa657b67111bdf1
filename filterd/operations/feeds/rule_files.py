"""The versions of feeds on disk: each is a list in canonical text, one file, never rewritten.

``state_dir/feeds/<feed>/<version>.rules`` holds the text of :mod:`filterd.policy.canonical`; its digest
covers exactly these bytes (HMAC for a confidential list). The file of a confidential list is sealed
(:mod:`filterd.disk.sealed`), bound to its feed; the keys are those of the state directory that it stands in.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filterd.disk import key_ring, sealed
from filterd.disk.files import drop_drafts, make_directory, rename_file, replace_file
from filterd.disk.key_ring import KeyRing, KeyRingError, NamedKey
from filterd.disk.locks import alone, sharing
from filterd.disk.sealed import SealedError
from filterd.feed.parsing import Run
from filterd.feed.rules import RuleSet
from filterd.model.rule import Action, Scope
from filterd.policy.compiler import whole_lines
from filterd.policy.digests import begin_list_digest

KEPT_VERSIONS = 3
LOCK_WAIT = 10.0
"""seconds to wait for a process that removes drafts: it takes milliseconds"""
_PIECE = 1 << 20
_LINES = 10_000
"""lines of a piece where texts are merged"""
_WORDS = {
    (Action.BLOCK, Scope.SUBTREE): b"",
    (Action.BLOCK, Scope.EXACT): b" exact",
    (Action.BLOCK, Scope.BELOW): b" below",
    (Action.ALLOW, Scope.SUBTREE): b" allow",
    (Action.ALLOW, Scope.EXACT): b" exact allow",
    (Action.ALLOW, Scope.BELOW): b" below allow",
}


def rule_file(state_dir: Path, feed: str, version: int) -> Path:
    """The file of a version of a feed."""
    return state_dir / "feeds" / feed / f"{version}.rules"


@contextmanager
def writing(state_dir: Path) -> Iterator[None]:
    """Let drafts of versions be written inside the block: nobody removes them. Those that killed processes
    left are removed first, if no other process writes any. Raises ``OSError``."""
    make_directory(state_dir / "feeds")
    drop_version_drafts(state_dir)
    with sharing(state_dir / "feeds", LOCK_WAIT):
        yield


def drop_version_drafts(state_dir: Path) -> None:
    """Remove the drafts that killed processes left behind, if nobody writes versions just now."""
    with alone(state_dir / "feeds") as nobody_else:
        if nobody_else:
            drafts = ("[0-9]*.new", ".*.new")
            drop_drafts(state_dir / "feeds", *(f"*/{each}" for each in drafts))
            drop_drafts(state_dir / "feeds", *(f"*/fetched/{each}" for each in drafts))


def canonical_text(rules: RuleSet) -> Iterator[bytes]:
    """The list in canonical text, in pieces of whole lines."""
    texts = [_text_of(section) for section in rules.sections]
    if len(texts) == 1:
        # Names are sorted, and a space sorts before whatever a name can go on with.
        yield texts[0]
        return
    lines: list[bytes] = []
    for line in heapq.merge(*(text.splitlines(keepends=True) for text in texts)):
        lines.append(line)
        if len(lines) == _LINES:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _text_of(section: Run) -> bytes:
    words = _WORDS[section.action, section.scope]
    return section.names.replace(b"\n", words + b"\n") if words else section.names


def write_version(path: Path, pieces: Iterable[bytes], secret: bytes | None) -> str:
    """Write a list's text durably and return its digest. ``secret`` keys that of a confidential list, whose
    file is sealed. Raises ``OSError``, and KeyRingError where the keys are damaged."""
    digest = begin_list_digest(secret)

    def digested() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    make_directory(path.parent)
    replace_file(path, digested() if secret is None else _sealed(path, digested()))
    return digest.hexdigest()


def _sealed(path: Path, pieces: Iterable[bytes]) -> Iterator[bytes]:
    return sealed.seal(pieces, key_ring.sealing_key(_state_dir(path), time.time()), _purpose(path))


def _state_dir(path: Path) -> Path:
    return path.parents[2]


def _purpose(path: Path) -> bytes:
    return f"filterd list {path.parent.name}".encode()


def put_in_place(draft: Path, version: int) -> None:
    """Make a written file that of a version beside it, durably: its row is committed after that."""
    rename_file(draft, draft.with_name(f"{version}.rules"))


def newest_version(directory: Path) -> int:
    """The highest version that has a file; 0 where there is none."""
    return max((int(path.stem) for path in directory.glob("*.rules") if path.stem.isdigit()), default=0)


def read_pieces(path: Path) -> Iterator[bytes]:
    """The text of a version, in pieces cut anywhere. Raises ``OSError``, also for a sealed one that does not
    open."""
    with path.open("rb") as file:
        if sealed.is_sealed(file.peek(sealed.HEADER)):
            ring = _ring(_state_dir(path))
            yield from sealed.open_sealed(file.read, ring, _purpose(path))
            return
        while piece := file.read(_PIECE):
            yield piece


def _ring(state_dir: Path) -> KeyRing:
    try:
        return key_ring.read(state_dir)
    except KeyRingError as error:
        raise SealedError(str(error)) from error


def sealed_with(path: Path) -> str:
    """The id of the key that a version's file is sealed with; empty for one in clear. Raises ``OSError``."""
    with path.open("rb") as file:
        header = file.read(sealed.HEADER)
    return sealed.key_id_of(header) if sealed.is_sealed(header) else ""


def reseal(path: Path, key: NamedKey) -> bool:
    """Seal the file of a version with ``key``, in clear or under another one before. False where it is sealed
    with it already. Raises ``OSError``; the file then stands as it was."""
    if sealed_with(path) == key.id:
        return False
    replace_file(path, sealed.seal(read_pieces(path), key, _purpose(path)))
    return True


def digest_of(path: Path, secret: bytes | None) -> str:
    """The digest of a version's file; empty where it cannot be read."""
    digest = begin_list_digest(secret)
    try:
        for piece in read_pieces(path):
            digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def is_taken(path: Path, digest: str, secret: bytes | None) -> bool:
    """Return whether a version's file has the digest that it was taken with. That of a list which is
    confidential only since then was made without ``secret``."""
    if digest_of(path, secret) == digest:
        return True
    return secret is not None and digest_of(path, None) == digest


def merged(paths: Sequence[Path]) -> Iterator[bytes]:
    """The canonical text of the rules of all files together, in pieces cut anywhere. Raises ``OSError`` and
    ``CanonicalError``."""
    if len(paths) == 1:
        yield from read_pieces(paths[0])
        return
    lines: list[bytes] = []
    last = b""
    for line in heapq.merge(*map(lines_of, paths)):
        if line != last:
            lines.append(line)
        if len(lines) == _LINES:
            yield b"\n".join(lines) + b"\n"
            lines.clear()
        last = line
    if lines:
        yield b"\n".join(lines) + b"\n"


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a version. Raises ``OSError``."""
    for piece in whole_lines(read_pieces(path)):
        yield from piece.split(b"\n")[:-1]


def digest_of_lines(lines: Iterable[bytes], secret: bytes | None) -> str:
    """The digest that a file of these lines has."""
    digest = begin_list_digest(secret)
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def drop_old(directory: Path, newest: int, keep: Collection[int]) -> None:
    """Delete the files of all versions but the newest few and those to ``keep``."""
    for path in directory.glob("*.rules"):
        if path.stem.isdigit() and int(path.stem) <= newest - KEPT_VERSIONS and int(path.stem) not in keep:
            path.unlink(missing_ok=True)
