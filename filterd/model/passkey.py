"""A passkey: a key pair of a person's device that stands for one token (WebAuthn Level 3)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as it is stored. Role, limits and expiry are its token's. Times: Unix seconds, 0: never."""

    number: int
    token: int
    """the number of its token"""
    party: str
    """the host that it is for (relying party id)"""
    label: str
    """the person's own word for the device"""
    credential: str
    """the id that the device gave it, base64url"""
    public_key: str = field(repr=False)
    """COSE, base64url"""
    uses: int = 0
    """the signature counter that the device told last; 0: it counts none"""
    made_by: str = ""
    made_at: float = 0.0
    used_day: int = 0
    """the day of its last use, in days after 1970"""
    revoked_at: float = 0.0
    revoked_by: str = ""
    made_with: str = ""
    """the means: ``token`` (pasted again), or a passkey that confirmed it, as ``K-7``; empty: unknown"""
    revoked_with: str = ""
    """as ``made_with``, or ``command``, ``api``, ``copy`` (its counter said so), ``restore``"""
