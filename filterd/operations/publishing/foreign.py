"""Reads what other providers signed of their lists: files of digests, and daily public statements.

They come from anybody: their size is bounded, the signature is verified before a part is believed, and every
part is checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.model.signed_text import SignedTextError, key_id_of
from filterd.operations.errors import OperationError

LARGEST = 4 * 1024**2
"""bytes of a file"""
LARGEST_KEYS = 64 * 1024
MOST_LISTS = 2_000
MOST_FORMER = 64
_MOST_NAMES = 1 << 40
_LONGEST = 200
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,63})")
_HEX = re.compile(r"[0-9a-f]+")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_KIND = ("mandatory", "security", "category", "bypass")
_PEM = re.compile(
    r"(?:^# (?P<purpose>[a-z]+) [^\n]*\n)?"
    r"(?P<pem>-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]{1,400}?-----END PUBLIC KEY-----)",
    re.MULTILINE,
)
REMEDY = (
    "have the other provider make it anew: filterd feed digests --out FILE; and take it and their keys again"
)


@dataclass(frozen=True, slots=True)
class FormerVersion:
    """A version of a list before the one in force."""

    digest: str
    at: float


@dataclass(frozen=True, slots=True)
class ToldList:
    """A list as its provider tells it."""

    id: str
    """opaque for a confidential one"""
    kind: str
    confidential: bool
    version: int
    digest: str
    """empty: its provider cannot tell that of a confidential list now"""
    names: int
    authority: str = ""
    at: float = 0.0
    """when the version was taken, Unix seconds; 0: not told"""
    former: tuple[FormerVersion, ...] = ()
    """newest first"""

    def since(self, digest: str) -> float | None:
        """When this provider went on from a former version of this digest; None: it is none of them."""
        later = self.at
        for each in self.former:
            if each.digest == digest:
                return later
            later = each.at
        return None


@dataclass(frozen=True, slots=True)
class ToldLists:
    """The lists of a provider, as it signed them."""

    installation: str
    provider: str
    at: float
    digest_key: str
    """the id of the key of confidential digests; empty: not told"""
    lists: tuple[ToldList, ...]


class _WrongPartError(ValueError):
    """A part is not what it must be."""


def read_keys(texts: list[bytes]) -> dict[str, bytes]:
    """The public keys of files in PEM, by id; those that say that they are for another use are passed over.
    Raises OperationError where there is none."""
    found: dict[str, bytes] = {}
    for text in texts:
        for each in _PEM.finditer(text[:LARGEST_KEYS].decode("ascii", "replace")):
            if each["purpose"] in (None, "checkpoint"):
                try:
                    raw = signing_keys.public_key_of(each["pem"].encode())
                except ValueError:
                    continue
                found[key_id_of(raw)] = raw
    if not found:
        message = "no public key that signs statements is given (Ed25519, PEM)"
        raise OperationError(
            message, "take the other provider's file of keys: /servicio/claves.pem of its site"
        )
    return found


def read(text: bytes, keys: dict[str, bytes], named: str) -> ToldLists:
    """The lists of a signed text; ``named``: where it is from, for messages. Raises OperationError."""
    if len(text) > LARGEST:
        message = f"{named} is longer than {LARGEST} bytes"
        raise OperationError(message, REMEDY)
    try:
        found = signed_text.read(text.decode("utf-8").rstrip("\n"))
    except (ValueError, RecursionError) as error:  # also half a surrogate, or no number
        message = f"{named} is no signed file of digests and no public statement: {_why(error)}"
        raise OperationError(message, REMEDY) from None
    kind = signed_text.STATEMENT if "day" in found.body else signed_text.DIGESTS
    key = keys.get(found.key_id)
    data = signed_text.signed_bytes(kind, found.body)
    if key is None or not signing_keys.signature_holds(key, found.signature, data):
        message = f"{named} is not signed by the given key, or was altered"
        raise OperationError(message, REMEDY)
    try:
        return told(found.body)
    except _WrongPartError as error:
        message = f"{named} is signed, and {error}"
        raise OperationError(message, REMEDY) from None


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, SignedTextError) else "it is no text of canonical JSON"


def told(body: dict[str, Any]) -> ToldLists:
    """The lists of a body."""
    lists = body.get("lists")
    if not isinstance(lists, list) or len(lists) > MOST_LISTS:
        _wrong("lists")
    keyed = body.get("digest_key", "")
    return ToldLists(
        installation=_hex(body.get("installation"), 32, "installation"),
        provider=_text(body.get("provider"), "provider"),
        at=_time(body.get("at"), "at"),
        digest_key=_hex(keyed, 16, "digest_key") if keyed != "" else "",
        lists=tuple(_list(each) for each in lists),
    )


def _list(value: Any) -> ToldList:
    if not isinstance(value, dict):
        _wrong("lists")
    identifier, kind, former = value.get("id"), value.get("kind"), value.get("former", [])
    if not isinstance(identifier, str) or _ID.fullmatch(identifier) is None:
        _wrong("id of a list")
    if kind not in _KIND:
        _wrong("kind of a list")
    if not isinstance(value.get("confidential"), bool):
        _wrong("confidential of a list")
    if not isinstance(former, list) or len(former) > MOST_FORMER:
        _wrong("former of a list")
    digest, secret = value.get("digest"), value["confidential"]
    return ToldList(
        id=identifier,
        kind=str(kind),
        confidential=secret,
        version=_number(value.get("version"), "version"),
        digest="" if secret and digest == "" else _hex(digest, 64, "digest"),
        names=_number(value.get("names"), "names"),
        authority=_text(value.get("authority", ""), "authority"),
        at=_time(value["at"], "at of a list") if "at" in value else 0.0,
        former=tuple(_former(each) for each in former),
    )


def _former(value: Any) -> FormerVersion:
    if not isinstance(value, dict):
        _wrong("former of a list")
    return FormerVersion(_hex(value.get("digest"), 64, "digest"), _time(value.get("at"), "at of a list"))


def _text(value: object, part: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or not (value.isprintable() or not value):
        _wrong(part)
    return value


def _hex(value: object, digits: int, part: str) -> str:
    if not isinstance(value, str) or len(value) != digits or _HEX.fullmatch(value) is None:
        _wrong(part)
    return value


def _number(value: object, part: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_NAMES:
        _wrong(part)
    return value


def _time(value: object, part: str) -> float:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        _wrong(part)
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        _wrong(part)


def _wrong(part: str) -> NoReturn:
    message = f"its part {part!r} is not what it must be"
    raise _WrongPartError(message)
