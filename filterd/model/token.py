"""A token of the API: the person or system that it stands for, and the acts that it allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DAY = 86_400


class TokenRole(StrEnum):
    """The work that a token is for."""

    OPERATOR = "operator"
    PROVISIONING = "provisioning"
    SUPPORT = "support"
    REGULATOR = "regulator"
    ON_CALL = "on-call"


class Permission(StrEnum):
    """One kind of act of the API. Every endpoint takes exactly one."""

    LINES_READ = "lines.read"
    LINES_WRITE = "lines.write"
    """register and remove lines, and bind prefixes to them"""
    CHOICES_WRITE = "choices.write"
    OWN_NAMES = "own-names"
    """see and change the names that a line itself blocks or allows"""
    SIGN_IN = "sign-in"
    """make links and codes by which a holder comes into the portal: who has one acts for the line"""
    PROFILES_READ = "profiles.read"
    PROFILES_WRITE = "profiles.write"
    """let an announced change of a profile take effect at once"""
    CHECK = "check"
    CHECK_LINES = "check.lines"
    """ask what a name gets on a subscriber's line"""
    ORDERS_READ = "orders.read"
    ORDERS_WRITE = "orders.write"
    """take orders in, stand behind them and withdraw them"""
    DUTY_READ = "duty.read"
    """see what is due, the roster, what authorities asked, and hand-overs"""
    DUTY_WRITE = "duty.write"
    """note requests of authorities and what became of them, hand over, and keep the roster"""
    NODES_READ = "nodes.read"
    """see nodes, and the snapshot that they apply"""
    NODES_WRITE = "nodes.write"
    """make a node follow a restored store, and end what it alone keeps in force"""
    FEEDS_READ = "feeds.read"
    FEEDS_WRITE = "feeds.write"
    SESSIONS_READ = "sessions.read"
    """see which line has an address at this moment"""
    SESSIONS_WRITE = "sessions.write"
    LIFTINGS_READ = "liftings.read"
    LIFTINGS_WRITE = "liftings.write"
    """let a name through on every line for a while, and suspend parental filtering; orders stay"""
    AUDIT_READ = "audit.read"
    AUDIT_SIGN = "audit.sign"
    """have a checkpoint or the statement of the day signed now"""
    COUNTERSIGN = "audit.countersign"
    """add a countersignature to a checkpoint; it is verified before it is kept"""
    CONSENT_READ = "consent.read"
    """read how many lines rest on which kind of evidence"""
    CONSENT_APPROVE = "consent.approve"
    """see evidence that lines share, and stand behind it"""
    RIGHTS = "rights"
    """export all that is held of a line, and keep the terms of ARCO requests"""
    PRIVACY_READ = "privacy.read"
    """see how long data is kept, and reports of breaches; ids of lines only with LINES_READ"""
    PRIVACY_WRITE = "privacy.write"
    """delete what is past its term"""
    HOLDS_READ = "holds.read"
    """see which records are preserved at an authority's demand, and whose"""
    HOLDS_WRITE = "holds.write"
    """preserve records at such a demand, and end that early"""
    NOTICES_READ = "notices.read"
    NOTICES_WRITE = "notices.write"
    """send notices to holders anew"""
    REVIEWS_READ = "reviews.read"
    """read requests to look at a site again, with the site and what was written"""
    REVIEWS_WRITE = "reviews.write"
    """take such requests in for others, and decide them"""
    REVIEWS_COUNT = "reviews.count"
    """read their statistics, which name no site"""
    PAGES_READ = "pages.read"
    """read the facts and the records of the public pages"""
    PAGES_WRITE = "pages.write"
    """record the public pages as exported"""
    ACCOUNTS_READ = "accounts.read"
    """see which passkeys stand for which tokens"""
    ACCOUNTS_WRITE = "accounts.write"
    """end passkeys"""


_OVERSIGHT = frozenset(
    (
        Permission.ORDERS_READ,
        Permission.NODES_READ,
        Permission.FEEDS_READ,
        Permission.LIFTINGS_READ,
        Permission.PROFILES_READ,
        Permission.CHECK,
        Permission.PAGES_READ,
    )
)
GRANTS: dict[TokenRole, frozenset[Permission]] = {
    TokenRole.OPERATOR: frozenset(Permission),
    TokenRole.PROVISIONING: frozenset(
        (
            Permission.LINES_READ,
            Permission.LINES_WRITE,
            Permission.CHOICES_WRITE,
            Permission.OWN_NAMES,
            Permission.SIGN_IN,
            Permission.PROFILES_READ,
            Permission.SESSIONS_READ,
            Permission.SESSIONS_WRITE,
            Permission.RIGHTS,
            Permission.NOTICES_READ,
            Permission.NOTICES_WRITE,
        )
    ),
    TokenRole.SUPPORT: frozenset(
        (
            Permission.LINES_READ,
            Permission.CHOICES_WRITE,
            Permission.SIGN_IN,
            Permission.PROFILES_READ,
            Permission.CHECK,
            Permission.CHECK_LINES,
            Permission.SESSIONS_READ,
            Permission.NOTICES_READ,
            Permission.REVIEWS_READ,
            Permission.REVIEWS_WRITE,
            Permission.REVIEWS_COUNT,
        )
    ),
    TokenRole.REGULATOR: _OVERSIGHT
    | {
        Permission.AUDIT_READ,
        Permission.COUNTERSIGN,
        Permission.CONSENT_READ,
        Permission.PRIVACY_READ,
        Permission.REVIEWS_COUNT,
    },
    TokenRole.ON_CALL: _OVERSIGHT
    | {
        Permission.LIFTINGS_WRITE,
        Permission.ORDERS_WRITE,
        Permission.DUTY_READ,
        Permission.DUTY_WRITE,
        Permission.REVIEWS_READ,
        Permission.REVIEWS_WRITE,
        Permission.REVIEWS_COUNT,
    },
}
"""what each role may do"""
OF_LINES = frozenset(
    (
        Permission.LINES_READ,
        Permission.LINES_WRITE,
        Permission.CHOICES_WRITE,
        Permission.OWN_NAMES,
        Permission.SIGN_IN,
        Permission.PROFILES_READ,
        Permission.CHECK,
        Permission.CHECK_LINES,
        Permission.SESSIONS_READ,
        Permission.SESSIONS_WRITE,
        Permission.RIGHTS,
        Permission.NOTICES_READ,
        Permission.NOTICES_WRITE,
        Permission.PRIVACY_READ,
    )
)
"""all that a token may do which is limited to some lines: the others concern every line"""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored: of its secret there is a digest only. Times are Unix seconds, 0 for never."""

    number: int
    name: str
    """the person or system; a person's is that of the account on this system"""
    system: bool
    """a system, which stands behind no order"""
    role: TokenRole
    scopes: tuple[Permission, ...] = ()
    """the only acts that it allows; empty: all of its role"""
    lines: str = ""
    """the beginning of the ids of the subscribers that it is limited to; empty: all"""
    networks: tuple[str, ...] = ()
    """the networks from which it may be used; empty: from everywhere"""
    made_by: str = ""
    made_at: float = 0.0
    expires_at: float = 0.0
    used_day: int = 0
    """the day of its last use, in days after 1970"""
    revoked_at: float = 0.0
    revoked_by: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        """The acts that it allows."""
        granted = GRANTS[self.role]
        if self.lines:
            granted &= OF_LINES
        return granted & frozenset(self.scopes) if self.scopes else granted

    def holds(self, now: float) -> bool:
        """Return whether it may be used at ``now``."""
        return not self.revoked_at and now < self.expires_at
