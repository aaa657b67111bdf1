"""Words of signing in to the subscriber's portal: sessions and a line's PIN. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LINK_LONGEST, SESSION_LONGEST = 86_400, 28_800
"""seconds that a link can be used, and a session lasts, at most: one that says more was made by a clock that
went wrong, and does not hold"""
CLOCK_STEP = 60
"""seconds by which a clock may be set back without that what was made before is refused"""


class SignInMethod(StrEnum):
    """The way by which somebody signed in."""

    LINK = "link"
    """a one-time link of the provider"""
    CODE = "code"
    """the code beside a link, as it was spoken and typed"""
    OPENID = "openid"
    """the provider's own sign-in, by OpenID Connect"""
    PIN = "pin"
    """the PIN of the line, typed on the line"""


class PortalRole(StrEnum):
    """The authority of who signed in, over the lines of the session."""

    HOLDER = "holder"
    AUTHORISED = "authorised"
    """by the holder: the session's ``authorisation`` says which one"""
    ORGANISATION = "organisation"
    """a school or library, holder of several lines"""


@dataclass(frozen=True, slots=True)
class PortalSession:
    """A session of the portal as it is stored: of its secret there is a digest only."""

    number: int
    role: PortalRole
    method: SignInMethod
    subscribers: tuple[str, ...]
    """the ids of its lines, in the order of the ids; never empty"""
    authorisation: int
    """the number of the authorised person's authorisation; 0 for others"""
    organisation: str
    """its name as the provider gave it; empty for others"""
    made_at: float
    used_at: float
    """to the minute"""
    expires_at: float
    """whatever is done until then"""

    @property
    def reference(self) -> str:
        """The text by which people name it, in the audit trail too: ``S-7``."""
        return f"S-{self.number}"

    @property
    def by_pin(self) -> bool:
        """True where the PIN of the line is all that is known of who acts."""
        return self.method is SignInMethod.PIN


class PinFault(StrEnum):
    """The reason why digits are no PIN that can be chosen: a page says it in its words."""

    LENGTH = "length"
    """fewer than 6 or more than 12"""
    DIGITS = "digits"
    """something else than digits is in it"""
    REPEATED = "repeated"
    """one or two digits alone, or a part that repeats: 111111, 121212, 123123"""
    SEQUENCE = "sequence"
    """digits in a row, up or down: 123456, 987654"""
    DATE = "date"
    """a year or a date: 201420, 14032014"""
    COMMON = "common"
    """one of those that many choose"""
