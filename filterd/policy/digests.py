"""The digests of lists and of the whole policy: the same rules have the same digest on every node.

A list's digest is SHA-256 of its canonical text (``canonical``); of a confidential list HMAC-SHA-256 under a
key that the authority holds too, so that the digest does not tell whether a guessed list is the real one. A
policy's digest is SHA-256 over its lists' (id, version, digest), sorted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Protocol


class Digest(Protocol):
    """A digest in the making: the standard library's hash and HMAC objects."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes in."""

    def hexdigest(self) -> str:
        """The digest of all bytes so far, 64 hexadecimal digits."""


def begin_list_digest(secret: bytes | None = None) -> Digest:
    """A digest to be fed the list's canonical text in runs. ``secret``: the key of a confidential list."""
    if secret is None:
        return hashlib.sha256()
    if len(secret) < hashlib.sha256().digest_size:
        message = f"the key of a confidential list's digest has 32 bytes or more, not {len(secret)}"
        raise ValueError(message)
    return hmac.new(secret, digestmod=hashlib.sha256)


def list_digest(text: bytes, secret: bytes | None = None) -> str:
    """The digest of a list whose canonical text is at hand."""
    digest = begin_list_digest(secret)
    digest.update(text)
    return digest.hexdigest()


def policy_digest(lists: Iterable[tuple[str, str, str]]) -> str:
    """The digest of the lists' (id, version, digest), in any order, as compact JSON."""
    text = json.dumps(sorted(lists), separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
