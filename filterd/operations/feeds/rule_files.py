"""The versions of feeds on disk: each is a list in canonical text, one file, never rewritten.

``state_dir/feeds/<feed>/<version>.rules`` holds the text of :mod:`filterd.policy.canonical`; its digest
covers exactly these bytes (HMAC for a confidential list).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filterd.disk.files import drop_drafts, make_directory, rename_file, replace_file
from filterd.disk.locks import alone, sharing
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
    """Write a list's text durably and return its digest; ``secret`` keys that of a confidential list."""
    digest = begin_list_digest(secret)

    def digested() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    make_directory(path.parent)
    replace_file(path, digested())
    return digest.hexdigest()


def put_in_place(draft: Path, version: int) -> None:
    """Make a written file that of a version beside it, durably: its row is committed after that."""
    rename_file(draft, draft.with_name(f"{version}.rules"))


def newest_version(directory: Path) -> int:
    """The highest version that has a file; 0 where there is none."""
    return max((int(path.stem) for path in directory.glob("*.rules") if path.stem.isdigit()), default=0)


def read_pieces(path: Path) -> Iterator[bytes]:
    """The text of a version, in pieces cut anywhere."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def digest_of(path: Path, secret: bytes | None) -> str:
    """The digest of a version's file; empty where it cannot be read."""
    digest = begin_list_digest(secret)
    try:
        for piece in read_pieces(path):
            digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def merged(paths: Sequence[Path]) -> Iterator[bytes]:
    """The canonical text of the rules of all files together, in pieces cut anywhere. Raises ``OSError`` and
    ``CanonicalError``."""
    if len(paths) == 1:
        yield from read_pieces(paths[0])
        return
    lines: list[bytes] = []
    last = b""
    for line in heapq.merge(*map(_lines_of, paths)):
        if line != last:
            lines.append(line)
        if len(lines) == _LINES:
            yield b"\n".join(lines) + b"\n"
            lines.clear()
        last = line
    if lines:
        yield b"\n".join(lines) + b"\n"


def _lines_of(path: Path) -> Iterator[bytes]:
    for piece in whole_lines(read_pieces(path)):
        yield from piece.split(b"\n")[:-1]


def digest_of_lines(lines: Iterable[bytes], secret: bytes | None) -> str:
    """The digest that a file of these lines has."""
    digest = begin_list_digest(secret)
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def drop_old(directory: Path, newest: int, current: int) -> None:
    """Delete the files of all versions but the newest few and the current one."""
    for path in directory.glob("*.rules"):
        if path.stem.isdigit() and int(path.stem) <= newest - KEPT_VERSIONS and int(path.stem) != current:
            path.unlink(missing_ok=True)
