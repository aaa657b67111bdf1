"""The form of an evidence pack: an archive whose every byte follows from its files and one moment. Pure.

A pack is a tar archive (POSIX ustar) without compression: for each file a header that :func:`header` makes,
the content, and zeros up to a multiple of 512; at its end 1,024 zeros and nothing more. The last file is the
manifest, a signed object (:mod:`.signed_text`) with size and SHA-256 of all others. So there is one archive
for the same files, and each byte of it is bound by the manifest or by this form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.model.signed_text import Body

FORMAT = "filterd evidence v1"
EVIDENCE = "evidence"
"""the kind of the manifest's signature"""
BLOCK = 512
END = b"\0" * (2 * BLOCK)
LARGEST_FILE = 8**11 - 1
"""bytes: what the size field of a header can say"""
LARGEST_MANIFEST = 4 * 1024 * 1024
"""bytes: it is read before anybody knows who signed it"""
LONGEST_NAME = 99
_BEHIND = b"ustar\x0000" + bytes(64) + 2 * b"0000000\0" + bytes(155 + 12)
"""the fields behind the name of a link: no owner, no group, no device, no prefix"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}")

MANIFEST = "manifest.json"
EXPORT = "trail/export"
HEAD = "record/head.json"
RECORD, REPORTS, RECEIPTS, STATEMENTS = "record/", "reports/", "receipts/", "statements/"
CHECKPOINT_KEYS, RECEIPT_KEYS = "keys/checkpoint.pem", "keys/receipt.pem"
DIGESTS, PAGES = "digests/list-digests.csv", "pages/records.jsonl"
INSTRUCTIONS = ("LEEME.md", "README.md")

_KNOWN = (
    r"(LEEME|README)\.md|[a-z_-]+\.py|trail/export|keys/(checkpoint|receipt)\.pem",
    r"statements/[0-9]{4}-[0-9]{2}-[0-9]{2}\.json|receipts/O-[0-9]+\.(json|pdf)",
    r"record/(head\.json|[a-z_]+\.jsonl)|reports/[a-z]+\.(json|csv|[a-z]{2}\.(html|pdf))",
    r"digests/list-digests\.csv|pages/records\.jsonl|manifest\.json",
)
_IS_KNOWN = re.compile("|".join(_KNOWN))


class EvidenceFormatError(ValueError):
    """The file is no pack, or not as one must be; the message says why."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of a pack, as the manifest has it."""

    name: str
    size: int
    """bytes"""
    digest: str
    """SHA-256 of the content, 64 hex digits"""


def is_name(name: str) -> bool:
    """True for a name that a file of a pack may have: plain parts, at most four deep."""
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def is_known(name: str) -> bool:
    """True for the name of a file that packs have: a verifier knows what must be in it."""
    return _IS_KNOWN.fullmatch(name) is not None


def header(name: str, size: int, moment: int) -> bytes:
    """The 512 bytes before the content of a file. ``moment``: Unix seconds, the same for all files. Raises
    EvidenceFormatError."""
    if not is_name(name) or not 0 <= size <= LARGEST_FILE or not 0 <= moment <= LARGEST_FILE:
        msg = f"no file of a pack can be {name[:100]!r} with {size} bytes"
        raise EvidenceFormatError(msg)
    before = name.encode().ljust(100, b"\0") + b"0000644\0" + 2 * b"0000000\0"
    before += b"%011o\0%011o\0" % (size, moment)
    after = b"0" + bytes(100) + _BEHIND
    return before + b"%06o\0 " % (sum(before) + 8 * ord(" ") + sum(after)) + after


def padding(size: int) -> bytes:
    """The zeros behind a content of this size."""
    return b"\0" * (-size % BLOCK)


def manifest(
    about: Mapping[str, Any], files: Sequence[PackedFile], left_out: Sequence[Mapping[str, str]]
) -> Body:
    """The body of a manifest. ``about``: what the pack is of; ``left_out``: what is not in it, and why."""
    listed = [{"name": each.name, "size": each.size, "sha256": each.digest} for each in files]
    return {"format": FORMAT, **about, "files": listed, "left_out": [dict(each) for each in left_out]}


def files_of(body: Mapping[str, Any]) -> list[PackedFile]:
    """The files of a manifest's body. Raises EvidenceFormatError."""
    try:
        listed = [PackedFile(each["name"], each["size"], each["sha256"]) for each in body["files"]]
        exact = all(each.keys() == {"name", "size", "sha256"} for each in body["files"])
    except (KeyError, TypeError, AttributeError) as error:
        msg = "the manifest lists no files"
        raise EvidenceFormatError(msg) from error
    names = [each.name for each in listed]
    if not exact or len(set(names)) < len(names) or body.get("format") != FORMAT:
        msg = f"the manifest is none of the format {FORMAT}, or lists a file twice"
        raise EvidenceFormatError(msg)
    return listed
