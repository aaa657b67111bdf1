"""The proof of a list's origin: a manifest beside the list, and a minisign signature of the manifest.

The manifest is one line as ``sha256sum`` writes it: the list's SHA-256 and its name, which nobody compares.
The signature is prehashed (minisign's own, since 0.10); its trusted comment holds, between blanks,
``serial:N`` and ``feed:ID`` once each. Other words there are passed over. ``minisign`` makes and verifies the
same files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minisign import PublicKey, SecretKey

MANIFEST = ".sha256"
SIGNATURE = ".sha256.minisig"
LARGEST_PROOF = 16 * 1024
"""bytes of a manifest or a signature: a real one has a few hundred"""
LARGEST_SERIAL = (1 << 63) - 1
_MANIFEST = re.compile(rb"([0-9a-f]{64}) [ *]([^\r\n\\\0]{1,1024})\n")
_SERIAL = re.compile(r"0|[1-9][0-9]{0,18}")
_FEED = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class ProofError(Exception):
    """The origin of a list is not proven; the message says why, and quotes nothing of what was given."""


class KeyFileError(Exception):
    """A file holds no secret key, or the password is not the key's."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The word of a signer on a list."""

    feed: str
    serial: int
    """grows with every version; a lower one than the last is an old list"""
    digest: str
    """SHA-256 of the list's file as it stands, compressed or not"""
    signer: str
    """the id of the key, as minisign prints it"""


@dataclass(frozen=True, slots=True)
class SignedComment:
    """The signed comment of a signature that holds."""

    feed: str
    serial: int


def read_statement(public_key: str, manifest: bytes, signature: bytes) -> Statement:
    """The statement of a manifest and its signature by this key. Raises :class:`ProofError`."""
    signed = read_signed(public_key, manifest, signature)
    return Statement(signed.feed, signed.serial, _digest(manifest), key_id(public_key))


def read_signed(public_key: str, manifest: bytes, signature: bytes) -> SignedComment:
    """The feed and serial that this key signed with these bytes. Raises :class:`ProofError`."""
    import minisign

    if max(len(manifest), len(signature)) > LARGEST_PROOF:
        message = f"the manifest or its signature is longer than {LARGEST_PROOF} bytes"
        raise ProofError(message)
    key = _public_key(public_key)
    try:
        signed = minisign.Signature.from_bytes(signature)
    except minisign.Error:
        message = "the signature is no signature of minisign (four lines)"
        raise ProofError(message) from None
    # One form for each signature: nothing can be hidden in blanks, line ends or spare bits of base64.
    if bytes(signed) + b"\n" != signature or not signed.is_prehashed():
        message = "the signature is not in the form that minisign writes (prehashed; no -l)"
        raise ProofError(message)
    try:
        key.verify(manifest, signed)
    except minisign.Error:
        message = "the signature is not by the key of the feed's entry, or the manifest was altered"
        raise ProofError(message) from None
    return SignedComment(*_comment(signed.trusted_comment))


def _digest(manifest: bytes) -> str:
    found = _MANIFEST.fullmatch(manifest)
    if found is None:
        message = "the manifest is not one line of sha256sum"
        raise ProofError(message)
    return found[1].decode()


def _comment(text: str) -> tuple[str, int]:
    """Feed and serial of a trusted comment."""
    words = text.split()
    found = {}
    for key, form in (("feed", _FEED), ("serial", _SERIAL)):
        values = [word.partition(":")[2] for word in words if word.startswith(f"{key}:")]
        if len(values) != 1 or form.fullmatch(values[0]) is None:
            message = f"the signature's trusted comment does not hold {key}: once (serial:N feed:ID)"
            raise ProofError(message)
        found[key] = values[0]
    serial = int(found["serial"])
    if serial > LARGEST_SERIAL:
        message = f"the signature's serial is above {LARGEST_SERIAL}"
        raise ProofError(message)
    return found["feed"], serial


def key_id(public_key: str) -> str:
    """The id of a public key, as minisign prints it: 16 hexadecimal digits. Raises :class:`ProofError`."""
    import base64

    _public_key(public_key)
    return base64.b64decode(public_key)[2:10][::-1].hex().upper()


def _public_key(text: str) -> PublicKey:
    import minisign

    try:
        return minisign.PublicKey.from_base64(text)
    except minisign.Error:
        message = "the public key of the feed's entry is no key of minisign"
        raise ProofError(message) from None


def read_secret_key(content: bytes) -> SecretKey:
    """The key of a file as minisign writes it. Raises :class:`KeyFileError`."""
    import minisign

    try:
        return minisign.SecretKey.from_bytes(content)
    except minisign.Error:
        message = "no secret key of minisign"
        raise KeyFileError(message) from None


def open_key(key: SecretKey, password: str) -> None:
    """Decrypt a key that has a password. Raises :class:`KeyFileError`."""
    import minisign

    try:
        key.decrypt(password)
    except minisign.Error:
        message = "the password is not the key's"
        raise KeyFileError(message) from None
    except MemoryError:
        message = "its password takes more memory to use than this machine has (minisign's own: 1 GiB)"
        raise KeyFileError(message) from None


def public_key_of(key: SecretKey) -> str:
    """The public key that belongs to an open secret key, as it stands in a feed's entry."""
    encoded: bytes = key.get_public_key().to_base64()
    return encoded.decode()


def sign(key: SecretKey, manifest: bytes, feed: str, serial: int) -> bytes:
    """The content of the signature's file. Raises ValueError for an id or a serial that nobody would take."""
    if _FEED.fullmatch(feed) is None:
        message = "a feed's id has lower-case letters, digits and hyphens, at most 40"
        raise ValueError(message)
    if not 0 <= serial <= LARGEST_SERIAL:
        message = f"a serial is a whole number from 0 to {LARGEST_SERIAL}"
        raise ValueError(message)
    return bytes(key.sign(manifest, trusted_comment=f"serial:{serial} feed:{feed}")) + b"\n"


def manifest_of(digest: str, name: str) -> bytes:
    """The line that ``sha256sum`` writes of a file. Raises ValueError for a name that it would escape."""
    line = f"{digest}  {name}\n".encode("utf-8", "surrogateescape")
    if _MANIFEST.fullmatch(line) is None:
        message = "the file's name has a character that a manifest does not hold; rename it"
        raise ValueError(message)
    return line
