"""Sessions of a desk: a person who signed in once, for a working day at most.

They are in the memory of the web process, by a digest of the cookie, and each request looks its token up in
the store again: a token that is revoked ends its sessions at once, and so does a passkey that acted in
one (decision 0410). A restart of the web process ends them all
(decision 0326).
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from filterd.model.passkey import Passkey
from filterd.model.token import Token
from filterd.web.pages.forms import SentForm

LONGEST_SECONDS = 8 * 3600.0
"""of a session, whatever is done in it"""
IDLE_SECONDS = 30 * 60.0
MOST_SESSIONS = 2_000
MOST_OF_TOKEN = 5
"""sessions of one token: the oldest goes"""
UNSIGNED_SECONDS = 10 * 60.0
"""for which a form waits for its signature"""
BURST, REFILL = 60.0, 10.0
"""requests of one session at once, and in a second"""


@dataclass(slots=True)
class AccountSession:
    """One session. Times are Unix seconds."""

    token: Token
    """as it was when it was shown"""
    began_at: float
    used_at: float
    csrf: str = field(repr=False)
    left: float = BURST
    """requests that it has left"""
    passkeys: dict[int, Passkey] = field(default_factory=dict, repr=False)
    """by number, those that began it, were added in it or confirmed an act in it: it ends with any of them"""
    unsigned: SentForm | None = field(default=None, repr=False)
    """the form that waits for a signature: one, the last that was sent"""
    unsigned_until: float = 0.0

    def holds(self, now: float) -> bool:
        """Return whether it may be used at ``now``; not where the clock went behind its beginning."""
        return self.began_at <= now < self.began_at + LONGEST_SECONDS and now < self.used_at + IDLE_SECONDS

    def bind(self, passkey: Passkey) -> None:
        """Note that a passkey acted in it."""
        self.passkeys[passkey.number] = passkey

    def hold(self, form: SentForm, now: float) -> None:
        """Keep a form until it is signed, for :data:`UNSIGNED_SECONDS`."""
        self.unsigned, self.unsigned_until = form, now + UNSIGNED_SECONDS

    def held(self, now: float) -> SentForm | None:
        """The form that waits for a signature; None where there is none, or where it waited too long."""
        if not now < self.unsigned_until <= now + UNSIGNED_SECONDS:
            self.unsigned = None
        return self.unsigned

    def take(self, now: float) -> bool:
        """Note one request: False beyond the limit."""
        self.left = min(self.left + max(now - self.used_at, 0.0) * REFILL, BURST)
        self.used_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class AccountSessions:
    """The sessions of one process, at most :data:`MOST_SESSIONS`: the one that was used longest ago goes."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, AccountSession] = OrderedDict()

    def begin(self, token: Token, now: float, passkey: Passkey | None = None) -> str:
        """Begin one: the secret for the cookie, of 32 random bytes. ``passkey``: the one that begins it."""
        mine = [key for key, each in self._held.items() if each.token.number == token.number]
        for key in mine[: max(len(mine) - MOST_OF_TOKEN + 1, 0)]:
            del self._held[key]
        while len(self._held) >= MOST_SESSIONS:
            self._held.popitem(last=False)
        secret = secrets.token_urlsafe(32)
        made = AccountSession(token, now, now, secrets.token_urlsafe(32))
        if passkey is not None:
            made.bind(passkey)
        self._held[_digest(secret)] = made
        return secret

    def find(self, secret: str, now: float) -> AccountSession | None:
        """The session of a cookie; None where there is none that holds."""
        key = _digest(secret)
        found = self._held.get(key)
        if found is None:
            return None
        if not found.holds(now):
            del self._held[key]
            return None
        self._held.move_to_end(key)
        return found

    def end(self, secret: str) -> None:
        """End a session, if there is one."""
        self._held.pop(_digest(secret), None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
