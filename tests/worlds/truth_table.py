"""The truth table of precedence: what a verdict has to be, written from the design and not from the code.

Nothing here goes through stages. What a name or address stands in is a :class:`Claim`; each part of it holds
or not for a line at a moment, some are lifted, and of those that are left the first in order wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from filterd.model.verdict import Outcome, Reason


class Sees(Enum):
    """What a line is to the product at the moment of the query."""

    UNKNOWN = "unknown line"
    NOT_OPTED_IN = "not opted in"
    PAUSED = "paused"
    SUSPENDED = "suspended for all"
    OPTED_IN = "opted in"


class Own(Enum):
    """What the line itself says of the name."""

    NOTHING = "nothing"
    DENY = "deny"
    ALLOW = "allow"


class Schedule(Enum):
    """What the schedule asks for at the moment."""

    NONE = "none"
    EVERYTHING = "everything"
    """but the always-allowed names and those of every group"""
    OFFLINE = "everything, the groups too"
    ADDED = "added categories"


class Security(Enum):
    """The operator's security list."""

    OFF = "off"
    ON = "on"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a name or address stands in, apart from the line's own names."""

    mandated: bool = False
    """by an order or mandatory list in force"""
    protected: bool = False
    always: bool = False
    """always allowed by schedules"""
    group: bool = False
    """in a group of names that a schedule leaves open unless it takes the group away"""
    added: bool = False
    """in a category that the schedule adds"""
    service: bool = False
    category: bool = False
    safe_search: bool = False
    bypass: bool = False
    malware: bool = False
    excepted: bool = False
    """the operator has an exception on the name; an address has none"""


@dataclass(frozen=True, slots=True)
class Setting:
    """The line and the moment."""

    sees: Sees = Sees.OPTED_IN
    own: Own = Own.NOTHING
    """on the name that is asked about; an unknown line says nothing"""
    schedule: Schedule = Schedule.NONE
    security: Security = Security.OFF
    answer: bool = False
    """the name or address stands in an answer"""
    query_allowed: bool = False
    """and the line allows the name of the query"""
    query_protected: bool = False
    """and the name of the query is protected"""
    query_excepted: bool = False
    """and the name of the query has an exception"""
    address: bool = False
    """it is an address, which is only ever met in an answer"""


def expected(claim: Claim, setting: Setting) -> tuple[Outcome, Reason]:
    """Design, life of a query, 5 to 9 and 12."""
    restricted = setting.sees is Sees.OPTED_IN
    allowed = setting.own is Own.ALLOW or setting.query_allowed
    excepted = (claim.excepted and not setting.address) or setting.query_excepted
    listed = not (allowed or excepted)
    itself = claim.protected and (setting.address or not setting.answer)
    unless_protected = not (itself or setting.query_protected)
    standing = {
        Reason.MANDATORY: claim.mandated and unless_protected,
        Reason.OWN_DENY: setting.own is Own.DENY,
        Reason.SCHEDULE: restricted and unless_protected and scheduled(claim, setting, excepted=excepted),
        Reason.SERVICE: restricted and claim.service and listed,
        Reason.CATEGORY: restricted and claim.category and listed and unless_protected,
        Reason.SAFE_SEARCH: restricted and claim.safe_search,
        Reason.BYPASS: restricted and claim.bypass and not excepted,
        Reason.SECURITY: claim.malware and setting.security is Security.ON and listed and unless_protected,
    }
    winner = min((reason for reason, stands in standing.items() if stands), default=Reason.NONE)
    if winner is Reason.NONE and (setting.query_excepted if setting.answer else excepted):
        return Outcome.PASS, Reason.EXCEPTION
    if winner is Reason.NONE:
        lifted = setting.query_allowed if setting.answer else allowed
        return Outcome.PASS, Reason.OWN_ALLOW if lifted else Reason.NONE
    return (Outcome.REWRITE if winner is Reason.SAFE_SEARCH else Outcome.BLOCK), winner


def scheduled(claim: Claim, setting: Setting, *, excepted: bool) -> bool:
    """True if the schedule of the moment blocks it; "everything" speaks of what the line asks for, and comes
    from no list that could be wrong."""
    if setting.schedule is Schedule.EVERYTHING:
        return not (claim.always or claim.group or setting.answer)
    if setting.schedule is Schedule.OFFLINE:
        return not (claim.always or setting.answer)
    return setting.schedule is Schedule.ADDED and claim.added and not excepted
