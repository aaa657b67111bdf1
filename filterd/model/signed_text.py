"""The form of everything that filterd signs: checkpoints, public statements, receipts. Pure functions.

A signed object is ``{"body": {...}, "key_id": hex16, "signature": base64}``. The signature (Ed25519, RFC
8032) covers ``filterd <kind> v1``, a newline, and the body as canonical JSON in UTF-8
(:func:`.audit_chain.canonical`). The first line keeps the kinds apart: a signature on a statement is none on
a checkpoint. Bodies have no floating-point numbers, nor anything else that two programs would write in two
ways.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from filterd.model.audit_chain import canonical

ID_DIGITS = 16
VERSION = 1
CHECKPOINT = "checkpoint"
STATEMENT = "statement"
RECEIPT = "receipt"
DIGESTS = "digests"
Body = dict[str, Any]


class SignedTextError(ValueError):
    """The text is no signed object; the message says why."""


@dataclass(frozen=True, slots=True)
class SignedObject:
    """A signed object that was read; its signature is not yet verified."""

    body: Body
    key_id: str
    signature: bytes


def key_id_of(public_key: bytes) -> str:
    """The id of a key: the first 16 hex digits of the SHA-256 of the raw public key (32 bytes)."""
    return hashlib.sha256(public_key).hexdigest()[:ID_DIGITS]


def signed_bytes(kind: str, body: Body) -> bytes:
    """The bytes that the signature of an object of this kind covers."""
    return f"filterd {kind} v{VERSION}\n{canonical(body)}".encode()


def signed(kind: str, body: Body, key_id: str, sign: Callable[[bytes], bytes]) -> Body:
    """The signed object of this body. ``sign`` gives the signature of bytes."""
    signature = base64.b64encode(sign(signed_bytes(kind, body))).decode("ascii")
    return {"body": body, "key_id": key_id, "signature": signature}


def text_of(signed_object: Body) -> str:
    """The signed object as text: canonical JSON on one line, without a newline."""
    return canonical(signed_object)


def digest(text: str) -> str:
    """The digest of a signed object's text, 64 hex digits: SHA-256 over its UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def read(text: str) -> SignedObject:
    """The object of a text. Raises SignedTextError for anything but a signed object in canonical form."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = "it is no JSON"
        raise SignedTextError(msg) from error
    if not isinstance(value, dict) or value.keys() != {"body", "key_id", "signature"}:
        msg = "it does not consist of body, key_id and signature"
        raise SignedTextError(msg)
    body, key_id, signature = value["body"], value["key_id"], value["signature"]
    if not (isinstance(body, dict) and isinstance(key_id, str) and isinstance(signature, str)):
        msg = "body, key_id or signature is of a wrong type"
        raise SignedTextError(msg)
    if text_of(value) != text:
        msg = "it is not in canonical form"
        raise SignedTextError(msg)
    try:
        return SignedObject(body, key_id, base64.b64decode(signature, validate=True))
    except binascii.Error as error:
        msg = "the signature is no base64"
        raise SignedTextError(msg) from error
