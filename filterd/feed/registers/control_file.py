"""Reads the control file of a list, and holds the list against it.

Taken: the digest alone, ``DIGEST  FILE`` as sha256sum writes, ``SHA256 (FILE) = DIGEST`` as BSD's tools do,
and ``SHA-256: DIGEST``. Only digests of 256 bits and more say that a list is the one that was meant.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

MAX_CONTROL = 64 << 10
"""bytes of a control file"""
_MAX_LINE = 1_024
_ALGORITHMS = {64: "sha256", 96: "sha384", 128: "sha512"}
"""by hexadecimal digits"""
_WEAK = {32: "MD5", 40: "SHA-1"}
_ALONE = re.compile(r"(?:sha-?(?:256|384|512)\s*[:=]\s*)?([0-9a-f]+)", re.IGNORECASE)
_BEFORE = re.compile(r"([0-9a-f]+)[ \t]+\*?(.+)", re.IGNORECASE)
_AFTER = re.compile(r"sha-?(?:256|384|512)\s*\((.+)\)\s*=\s*([0-9a-f]+)", re.IGNORECASE)


class ControlFileError(ValueError):
    """The control file says nothing that counts, or the list is another; the message quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ListDigest:
    """The digest that a list should have."""

    algorithm: str
    """``sha256``, ``sha384`` or ``sha512``"""
    digest: str
    """hexadecimal, in lower case"""


def read_control(content: bytes, list_address: str = "") -> ListDigest:
    """The digest in a control file. Of one with several, that beside the name of the list's file. Raises
    ControlFileError."""
    if len(content) > MAX_CONTROL:
        message = f"the control file has more than {MAX_CONTROL} bytes"
        raise ControlFileError(message)
    found = list(_digests(_text(content)))
    if len(found) > 1:
        names = _file_names(list_address)
        found = [each for each in found if each[0].casefold() in names]
    distinct = {digest for _, digest in found}
    if len(distinct) != 1:
        message = "the control file has no digest of the list" if not distinct else "it has several of it"
        raise ControlFileError(message)
    digest = distinct.pop()
    if len(digest) in _WEAK:
        message = f"the control file has a digest of {_WEAK[len(digest)]}, which proves nothing"
        raise ControlFileError(message)
    if len(digest) not in _ALGORITHMS:
        message = "the control file has a digest of no known length"
        raise ControlFileError(message)
    return ListDigest(_ALGORITHMS[len(digest)], digest)


def require_sound(content: bytes, control: ListDigest) -> None:
    """Refuse a content that is not the one of the control file. Raises ControlFileError."""
    digest = hashlib.new(control.algorithm, content).hexdigest()
    if not hmac.compare_digest(digest, control.digest):
        message = "the list does not have the digest that its control file gives"
        raise ControlFileError(message)


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _digests(text: str) -> Iterator[tuple[str, str]]:
    """Each digest with the name of its file, which may be empty."""
    for line in text.splitlines():
        trimmed = line.strip()
        if not trimmed or len(trimmed) > _MAX_LINE:
            continue
        if alone := _ALONE.fullmatch(trimmed):
            yield "", alone[1].lower()
        elif after := _AFTER.fullmatch(trimmed):
            yield _last(after[1]), after[2].lower()
        elif (before := _BEFORE.fullmatch(trimmed)) and len(before[1]) in _ALGORITHMS | _WEAK:
            yield _last(before[2]), before[1].lower()


def _last(name: str) -> str:
    return name.strip().replace("\\", "/").rpartition("/")[2]


def _file_names(address: str) -> set[str]:
    """The pieces of an address that may be the name of its file: the last one may be an identifier."""
    return {each.casefold() for each in unquote(urlsplit(address).path).split("/") if each}
