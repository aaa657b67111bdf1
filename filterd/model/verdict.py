"""The verdict on one query: a closed set of outcomes and reasons; native structs mirror the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope


class Outcome(IntEnum):
    """The outcomes of a query."""

    PASS = 0
    BLOCK = 1
    REWRITE = 2
    """answered with a CNAME to the safe-search host"""
    LOCAL = 3
    """answered by the resolver itself (special-use names)"""


class Reason(IntEnum):
    """The reasons of a verdict, by precedence: a smaller number wins (life of a query, 4 to 9)."""

    NONE = 0
    LOCAL = 1
    MANDATORY = 2
    SPECIAL_USE = 3
    OWN_DENY = 4
    EXCEPTION = 5
    SCHEDULE = 6
    OWN_ALLOW = 7
    SERVICE = 8
    CATEGORY = 9
    SAFE_SEARCH = 10
    BYPASS = 11
    SECURITY = 12

    @property
    def word(self) -> str:
        """The label used in metrics, commands and JSON."""
        return self.name.lower()


class Where(IntEnum):
    """The name or address of the exchange that a verdict is based on."""

    QUERY = 0
    CNAME = 1
    TARGET = 2
    """an SVCB or HTTPS target name"""
    HINT = 3
    """an SVCB or HTTPS address hint"""
    ADDRESS = 4
    """an A or AAAA record"""


class Kind(IntEnum):
    """The kinds of the classes in a snapshot, one bit for each class."""

    CATEGORY = 0
    SECURITY = 1
    SERVICE = 2
    SAFE_SEARCH = 3
    BYPASS = 4
    PROTECTED = 5
    ALWAYS_ALLOWED = 6
    """not blocked by a schedule that blocks everything else"""
    LOCAL = 7
    """answered before anything else: localhost, resolver.arpa"""
    SPECIAL_USE = 8
    """answered NXDOMAIN after the mandatory rules: RFC 6761, RFC 6303"""
    OBSERVED = 9
    """counted, and nothing more: no stage asks for it"""

    @property
    def word(self) -> str:
        """The word used in files and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict as a value; on the query path it is a native struct with the same fields."""

    outcome: Outcome = Outcome.PASS
    reason: Reason = Reason.NONE
    mode: BlockingMode = BlockingMode.NXDOMAIN
    scope: Scope = Scope.SUBTREE
    where: Where = Where.QUERY
    reference: int = 0
    """a class bit, or the id of the order or mandatory list; 0: there is none"""
    matched: str = ""
    """the name or address prefix whose rule decided; empty: no rule did"""
