"""The records of the control plane on feeds, snapshots and nodes. Times are Unix seconds, 0 for never."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.order_times import OrderArrival


class VersionState(StrEnum):
    """The states of a feed's version."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    """outside the feed's guard: the version before it stays"""


@dataclass(frozen=True, slots=True)
class FeedVersion:
    """One version of a feed's list, as read."""

    feed: str
    version: int
    state: VersionState
    digest: str
    """SHA-256 of the sorted canonical rules"""
    source_digest: str
    """SHA-256 of the bytes that were read"""
    names: int
    skipped: int
    at: float
    note: str = ""
    """why it is quarantined"""


@dataclass(frozen=True, slots=True)
class OriginProof:
    """The proof of a signed list's origin."""

    serial: int
    """grows with every list that is signed"""
    digest: str
    """SHA-256 of the file as it stood; of a confidential list the HMAC of that"""
    signer: str
    """the id of the key"""


@dataclass(frozen=True, slots=True)
class FeedSource:
    """The file that a version was read from. The digest of what was read is in :class:`FeedVersion`."""

    path: str
    """as the entry names it"""
    size: int
    """bytes, as it stood: compressed or not"""
    owner: int
    """the user id of its owner; -1 for a file that was fetched"""
    proof: OriginProof | None = None
    """None: the feed is not signed"""


@dataclass(frozen=True, slots=True)
class AskedTrust:
    """A change of a mandatory feed's key that waits for another person."""

    feed: str
    public_key: str
    """empty: its lists are to be taken unsigned"""
    asked_by: str
    asked_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """The last check of a feed; ``error`` is empty after a success."""

    feed: str
    checked_at: float
    succeeded_at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class FeedFetch:
    """The last attempt to fetch a feed, and the server that gave the list last."""

    feed: str
    tried_at: float
    served_by: str = ""
    """the host that gave the list last, or said that it is the same still"""
    served_at: float = 0.0
    modified: bool = False
    """False: the list was the same still"""
    failures: tuple[str, ...] = ()
    """of the last attempt: what went wrong at each server, with what to do"""
    gone_since: float = 0.0
    """since when the servers say that there is no such list; 0: they do not"""


@dataclass(frozen=True, slots=True)
class HeldFeed:
    """A feed that a person took back to an older version: newer ones are read, and not taken."""

    feed: str
    version: int
    """the one that it is held at"""
    reason: str
    asked_by: str
    asked_at: float
    held_by: str = ""
    """whose word put it in force: ``asked_by``, or the person who confirmed; empty while it waits for one"""
    held_at: float = 0.0


class AdoptionState(StrEnum):
    """The states of an adopted feed."""

    ACTIVE = "active"
    RETIRING = "retiring"
    """in force still: one person asked for its end, and it takes another to confirm it"""
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class AdoptedFeed:
    """A feed that was taken into force: whatever becomes of its entry, it ends only by being retired."""

    feed: str
    definition: str
    """its entry in ``feeds.yaml`` as canonical JSON (:mod:`filterd.config.feed_entries`)"""
    state: AdoptionState
    adopted_by: str
    adopted_at: float
    reason: str = ""
    """why it is retired, as said last"""
    asked_by: str = ""
    """who first asked for its end"""
    asked_at: float = 0.0
    retired_by: str = ""
    """whose word ended it: ``asked_by``, or the person who confirmed"""
    retired_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A policy snapshot that was published."""

    file: str
    digest: str
    revision: int
    """``built_at_revision``: the revision of the store that it contains"""
    built_at: float
    names: int
    size: int
    """bytes"""


OTHER_HISTORY = "the store has another history than the one applied here: filterd node resync"
"""the reason in a report of a node that does not follow the store that stands there"""


@dataclass(frozen=True, slots=True)
class FeedInForce:
    """A feed's list as a node has it in force."""

    label: str
    """its id; opaque if it is confidential"""
    kind: str
    """category, security or mandatory"""
    version: str
    digest: str
    names: int
    since: float
    """when this version came into force, or the process began"""


class CanaryState(StrEnum):
    """The outcomes of asking for a canary name."""

    BLOCKED = "blocked"
    PASSED = "passed"
    """it was answered: the list does not block on this node"""
    UNJUDGED = "unjudged"
    """nothing can be said: no answer came, or the name does not resolve upstream either"""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """The last test of a mandatory list on a node."""

    label: str
    """the list's, as in :class:`FeedInForce`"""
    name: str
    """the canary name"""
    state: CanaryState
    reason: str
    """why it was not judged, or where it passed; empty if it is blocked"""
    tested_at: float
    succeeded_at: float
    """when it was last found blocked, 0: never since the process began"""


@dataclass(frozen=True, slots=True)
class ListPeriod:
    """A time in which one version of a list was in force on one node without a break."""

    node: str
    label: str
    """the list's; empty: the node as a whole, whose digest is the effective one"""
    version: str
    digest: str
    since: float
    until: float
    """exclusive; 0: not over"""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The last report of a resolver."""

    name: str
    seen_at: float
    mandatory_revision: int
    parental_revision: int
    snapshot_digest: str
    ready: bool
    lists: dict[str, str]
    """list id -> its version and digest on the node"""
    mandatory_hash: str = ""
    """of the change at ``mandatory_revision``"""
    lag: float = 0.0
    """seconds since the node last had everything, applied and on its disk"""
    not_durable: int = 0
    """orders in force that are not on the node's disk yet"""
    missing: tuple[str, ...] = ()
    """the reasons why it is not ready; of a ready one, what it serves without"""
    kept_orders: tuple[str, ...] = ()
    """references of the orders that the node keeps in force and the store does not know"""
    began_at: float = 0.0
    """when the process began"""
    effective_digest: str = ""
    """over all lists and orders that the node has in force; empty while it has none"""
    effective_at: float = 0.0
    """when it got this digest"""
    feeds: tuple[FeedInForce, ...] = ()
    """empty while nothing is in force"""
    canaries: tuple[CanaryResult, ...] = ()
    orders: tuple[OrderArrival, ...] = ()
    """the newest orders whose force changed on the node; not kept with the report"""
    sent_at: float = 0.0
    """the node's own clock as it sent this, Unix seconds; not kept with the report"""


@dataclass(frozen=True, slots=True)
class FeedHold:
    """The part of a feed that is held back for a person: a whole version, single names, or both."""

    feed: str
    reason: str
    """the bound of the guard that the version is outside of; ``popular`` where only names are held"""
    note: str
    """the bound with its figures; empty where only names are held"""
    version: int
    """the version that is held; 0 where only names are"""
    names: int
    """rules on popular names that are held"""
    names_digest: str
    """digest of these rules' canonical text (HMAC of a confidential list); empty for none"""
    digest: str
    """stands for all that is held: who reviews it and accepts it names the same"""
    source_digest: str
    skipped: int
    at: float
    """since when"""


@dataclass(frozen=True, slots=True)
class FeedAcceptance:
    """The acceptance of what was held back of a feed: asked for by one person, complete with the last."""

    feed: str
    digest: str
    """of the hold"""
    reason: str
    asked_by: str
    asked_at: float
    accepted_by: str = ""
    accepted_at: float = 0.0
    version: int = 0
    """the version that came of it; 0: it waits for another person"""
