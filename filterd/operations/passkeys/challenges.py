"""Challenges: each is for one purpose in one browser, good for two minutes, and spent by the first use.

A challenge carries its own proof, so that opening the sign-in page leaves nothing in memory: who opens it a
million times pushes nobody's out. What is remembered is the challenges that were answered with a signature of
a known passkey, until they would have expired.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

SECONDS = 120
SIGN_IN = "sign-in"
_NONCE, _TIME, _MAC = 16, 8, 32


def registering(means: str) -> str:
    """The purpose of a registration by somebody who proved by these means (``token``, ``K-7``) to be its
    person. A challenge for it is made after that proof alone."""
    return f"register:{means}"


class Challenges:
    """The challenges of one process. A restart makes all of them void."""

    def __init__(self, randomness: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random = randomness
        self._key = randomness(32)
        self._spent: dict[bytes, float] = {}
        """challenge -> when it expires"""

    def make(self, purpose: str, browser: str, now: float) -> bytes:
        """A challenge of 56 bytes. ``purpose``: :data:`SIGN_IN`, :func:`registering` or the digest of an act.
        ``browser``: a secret that this browser alone has."""
        head = self._random(_NONCE) + int(now + SECONDS).to_bytes(_TIME)
        return head + self._proof(head, purpose, browser)

    def holds(self, challenge: bytes, purpose: str, browser: str, now: float) -> bool:
        """Return whether it was made here for this purpose and browser, and is neither old nor spent."""
        head, proof = challenge[: _NONCE + _TIME], challenge[_NONCE + _TIME :]
        if len(proof) != _MAC or not hmac.compare_digest(proof, self._proof(head, purpose, browser)):
            return False
        until = int.from_bytes(head[_NONCE:])
        return until - SECONDS - 1 <= now < until and challenge not in self._spent

    def spend(self, challenge: bytes, now: float) -> bool:
        """Mark one as used. False: it was before."""
        self._spent = {each: until for each, until in self._spent.items() if now < until}
        if challenge in self._spent:
            return False
        self._spent[challenge] = now + SECONDS + 1
        return True

    def _proof(self, head: bytes, purpose: str, browser: str) -> bytes:
        said = b"\0".join((head.hex().encode(), purpose.encode(), browser.encode()))
        return hmac.new(self._key, said, hashlib.sha256).digest()
