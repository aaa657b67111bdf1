"""Verifies a receipt with nothing but itself and the public key of who issued it."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.model.signed_text import RECEIPT, Body, SignedTextError
from filterd.operations.errors import OperationError

LARGEST = 16 * 1024 * 1024
"""bytes of a receipt; one of 10,000 names has about 700 kB"""
PEM_REMEDY = "give the issuer's public key of receipts, in PEM: filterd key export --purpose receipt"


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt whose signature holds."""

    body: Body
    key_id: str
    digest: str
    """SHA-256 of the text, which the audit trail of the issuer has"""
    text: str


def verify(data: bytes, pem: bytes) -> VerifiedReceipt:
    """The facts of a receipt, once its signature is found to be the key's. ``data``: the file; a newline at
    its end does not count. Raises OperationError for anything that is not exactly as it was signed."""
    try:
        public_key = signing_keys.public_key_of(pem)
    except ValueError as error:
        message = "the key is no Ed25519 public key in PEM"
        raise OperationError(message, PEM_REMEDY) from error
    text = _text(data)
    try:
        found = signed_text.read(text)
    except (SignedTextError, RecursionError) as error:
        message = f"this is no receipt as it was signed: {error}"
        remedy = "ask the issuer for another one: filterd order receipt ORDER"
        raise OperationError(message, remedy) from error
    key_id = signed_text.key_id_of(public_key)
    if found.key_id != key_id:
        message = f"the receipt names the key {found.key_id[:32]!r}, and this one is {key_id}"
        raise OperationError(
            message, "give the key of that id; the issuer's trail announces each of its keys"
        )
    data_signed = signed_text.signed_bytes(RECEIPT, found.body)
    if not signing_keys.signature_holds(public_key, found.signature, data_signed):
        message = "the signature does not hold: the receipt was altered, or is another kind of object"
        raise OperationError(message, "do not rely on it; ask the issuer for another one")
    return VerifiedReceipt(found.body, key_id, signed_text.digest(text), text)


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        message = f"the file has more than {LARGEST} bytes: it is no receipt"
        raise OperationError(message, "give the JSON file of the receipt")
    try:
        return data.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        message = "the file is no text in UTF-8: it is no receipt in JSON"
        remedy = "give the JSON file; a PDF has it attached: pdfdetach -saveall FILE.pdf"
        raise OperationError(message, remedy) from error
