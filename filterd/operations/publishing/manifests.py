"""The manifest of an edition: one line of canonical JSON, signed by minisign, that names the one before.

The chain of manifests shows an edition that was taken back: each has a serial above the last, and the
SHA-256 of the last one's bytes. That of a list that was withdrawn says just that, and goes on the chain. A
manifest may come from anybody: every part is checked before it is used.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from filterd.feed.signing import LARGEST_SERIAL
from filterd.model.audit_chain import canonical

NAME, SIGNATURE = "manifest.json", "manifest.json.minisig"
FORM = "filterd publication v1"
LARGEST = 16 * 1024
"""bytes of a manifest or its signature"""
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FILE = re.compile(r"[a-z]{1,16}\.[a-z]{1,8}")
_TEXTS = ("provider", "licence", "kind", "authority", "ground", "key_id", "public_key", "installation")
_NUMBERS = ("serial", "version", "entries")
_PARTS = frozenset((*_TEXTS, *_NUMBERS, "form", "list", "at", "digest", "previous", "files", "withdrawn"))
_OF_WITHDRAWAL = frozenset(("form", "list", "at", "serial", "previous", "key_id", "public_key", "withdrawn"))
"""the parts of the manifest of a list that is not published any more: nothing of what stood in it, nor why"""
_LONGEST = 500
_MOST_FILES = 8


class ManifestError(ValueError):
    """It is no manifest; the message says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ListManifest:
    """A manifest that was read: its body, and the SHA-256 of its bytes."""

    body: dict[str, Any]
    digest: str

    @property
    def serial(self) -> int:
        """The number that grows with every edition."""
        return int(self.body["serial"])

    @property
    def withdrawn(self) -> bool:
        """True if it says that the list is not published any more."""
        return "withdrawn" in self.body


def text_of(body: dict[str, Any]) -> bytes:
    """The bytes of a manifest, as they are signed."""
    return canonical(body).encode() + b"\n"


def digest_of(text: bytes) -> str:
    """The SHA-256 by which the next manifest names this one."""
    return hashlib.sha256(text).hexdigest()


def read(text: bytes) -> ListManifest:
    """The manifest of these bytes. Raises ManifestError."""
    if len(text) > LARGEST:
        _refuse(f"it is longer than {LARGEST} bytes")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        _refuse("it is no JSON")
    if not isinstance(body, dict) or body.get("form") != FORM:
        _refuse("it is of another form")
    if not body.keys() <= _PARTS:
        _refuse("it has a part that no manifest has")
    for each in _TEXTS:
        if not isinstance(body.get(each, ""), str) or len(body.get(each, "")) > _LONGEST:
            _refuse(f"{each} is no short text")
    if "withdrawn" in body:
        _require_withdrawal(body)
    else:
        _require(body)
    try:
        same = text_of(body) == text
    except (ValueError, RecursionError):  # half a surrogate, or no number
        same = False
    if not same:
        _refuse("it is not in canonical form")
    return ListManifest(body, digest_of(text))


def _refuse(why: str) -> NoReturn:
    raise ManifestError(why)


def _require(body: dict[str, Any]) -> None:
    _require_link(body)
    if not _matches(_HASH, body.get("digest")):
        _refuse("digest is no SHA-256")
    _require_numbers(body, _NUMBERS)
    files = body.get("files")
    if not isinstance(files, list) or not 0 < len(files) <= _MOST_FILES or not all(map(_is_file, files)):
        _refuse("files are not what they must be")


def _require_withdrawal(body: dict[str, Any]) -> None:
    _require_link(body)
    _require_numbers(body, ("serial",))
    if body["withdrawn"] is not True or not body.keys() <= _OF_WITHDRAWAL:
        _refuse("it withdraws a list, and tells more")


def _require_numbers(body: dict[str, Any], names: Iterable[str]) -> None:
    for each in names:
        value = body.get(each)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_SERIAL:
            _refuse(f"{each} is no number")


def _require_link(body: dict[str, Any]) -> None:
    """The parts by which each manifest stands in its chain."""
    if not _matches(_ID, body.get("list")):
        _refuse("list is no id")
    if body.get("previous") != "" and not _matches(_HASH, body.get("previous")):
        _refuse("previous is no SHA-256")
    if not _matches(_TIME, body.get("at")):
        _refuse("at is no time")


def _matches(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_file(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"format", "name", "size", "sha256"}:
        return False
    size = value["size"]
    sized = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    named = _matches(_FILE, value["name"])
    return sized and named and _matches(_HASH, value["sha256"]) and isinstance(value["format"], str)
