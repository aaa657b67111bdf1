"""The files of a published list: one that filterd and other programs read, and a response policy zone.

Both are made of the canonical text alone, line by line: the same list gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.feed.source import SourceError
from filterd.model.rule import Scope
from filterd.operations.feeds.rule_files import canonical_text
from filterd.policy.compiler import whole_lines
from filterd.policy.digests import begin_list_digest
from filterd.policy.documents import Format

NAMES, ZONE = "names.txt", "list.rpz"
_ADBLOCK = {
    "": "||{0}^",
    "exact": "|https://{0}^",
    "below": "||*.{0}^",
    "allow": "@@||{0}^",
    "exact allow": "@@|https://{0}^",
    "below allow": "@@||*.{0}^",
}
"""the rule of each kind as browser filters write it"""


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file of an edition, as its manifest names it."""

    format: str
    name: str
    size: int
    sha256: str


def format_of(pieces: Iterable[bytes]) -> Format:
    """``domains`` for a list of which every rule blocks a name with all below it; ``adblock`` for others."""
    plain = all(b" " not in piece for piece in pieces)
    return Format.DOMAINS if plain else Format.ADBLOCK


def names_lines(pieces: Iterable[bytes], form: Format) -> Iterator[bytes]:
    """The lines of :data:`NAMES`, in pieces. ``domains`` is the canonical text itself."""
    for piece in whole_lines(pieces):
        if form is Format.DOMAINS:
            yield piece
            continue
        lines = (line.partition(" ") for line in piece.decode("ascii").splitlines())
        yield "".join(f"{_ADBLOCK[words].format(name)}\n" for name, _, words in lines).encode("ascii")


def zone_lines(pieces: Iterable[bytes], serial: int) -> Iterator[bytes]:
    """The lines of :data:`ZONE`: a master file whose origin is the zone that loads it. ``serial`` is that of
    its SOA, 32 bits."""
    yield b"$TTL 300\n"
    yield f"@ SOA localhost. hostmaster.localhost. {serial % 2**32} 3600 600 604800 300\n".encode()
    yield b"@ NS localhost.\n"
    for piece in whole_lines(pieces):
        yield "".join(_records(line) for line in piece.decode("ascii").splitlines()).encode("ascii")


def _records(line: str) -> str:
    name, _, words = line.partition(" ")
    kinds = set(words.split())
    target = "rpz-passthru." if "allow" in kinds else "."
    own = "" if "below" in kinds else f"{name} CNAME {target}\n"
    below = "" if "exact" in kinds else f"*.{name} CNAME {target}\n"
    return own + below


def written(path: Path, pieces: Iterable[bytes], form: str) -> RenderedFile:
    """Write a file that is new, to the disk, readable by all. Raises ``OSError``."""
    import os

    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for piece in pieces:
            digest.update(piece)
            size += file.write(piece)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    return RenderedFile(form, path.name, size, digest.hexdigest())


def read_back(path: Path, form: Format) -> str:
    """The digest of the rules that filterd reads from a file; empty where it skips any line."""
    report = ParseReport(quotes=False)
    try:
        rules = collect(read_list(path, Form(form, Scope.SUBTREE), icann_suffixes(), report))
    except SourceError:
        return ""
    digest = begin_list_digest()
    for piece in canonical_text(rules):
        digest.update(piece)
    return digest.hexdigest() if not report.count else ""
