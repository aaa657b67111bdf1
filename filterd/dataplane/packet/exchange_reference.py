"""The exchange, and the plane: the values that the plain path of a packet works on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from filterd.dataplane.cache.cache_reference import Errors, Found, Key, ReferenceCache
from filterd.dataplane.packet.plane_types import AnswerRules, MapRule, SharedRule
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.dataplane.tables.rate_settings import RateSettings
from filterd.dataplane.tables.ratelimit_reference import ReferenceBuckets
from filterd.model.identity import IdentityKind, Method
from filterd.model.verdict import Verdict
from filterd.policy.inquiry_reference import Inquiry, ReferenceLine, ReferenceState
from filterd.wire.queries_reference import ParsedQuery
from filterd.wire.status import Status

CHECKING_DISABLED = 0x0010
NOTHING = Found()
"""nothing was found yet"""
Identity = tuple[IdentityKind, bytes]
"""the kind and the text of an identity"""
Fact = tuple[str, ...]
"""something that is counted"""


class Stage(Enum):
    """The steps of a packet's path, by name; their order stands in ``pipeline.PIPELINE``."""

    UNWRAP = "unwrap"
    PARSE = "parse"
    ADMIT = "admit"
    IDENTIFY = "identify"
    LOCAL = "local"
    PROTECTED = "protected"
    MANDATORY = "mandatory"
    OWN_BLOCK_NAMES = "own block names"
    PARENTAL = "parental"
    SECURITY = "security"
    CACHE = "cache"
    FORWARD = "forward"
    INSPECT = "inspect"
    RESPOND = "respond"
    RECORD = "record"


class Shape(Enum):
    """The kinds of answer that are sent."""

    PASSED = "what the cache or an upstream says"
    REWRITTEN = "the same of a safe host, behind an alias from the query's name"
    BLOCKED = "a blocked name"
    LOCAL = "a name that is answered here"
    IDENTITY = "the server's identity"
    ERROR = "a code without records"
    TRUNCATED = "TC alone: the client is over its limit and may come back over TCP"
    REFUSAL = "what reduced mode refuses, made of the packet's bytes"


class Ending(Enum):
    """The state in which the path leaves an exchange for now."""

    ANSWERED = "its answer is to be sent"
    SILENT = "nothing is to be sent"
    FORWARDED = "the name that is asked for goes to an upstream first"


class Board(Protocol):
    """The crash board: whether the resolver is in reduced mode, and which packets it died of."""

    @property
    def reduced(self) -> bool:
        """True in reduced mode: plain queries alone are taken."""

    def mark(self, packet: bytes) -> bytes:
        """The mark of a packet."""

    def question_mark(self, question: bytes) -> bytes:
        """The mark of a question, whatever its letters' case."""

    def killed(self, mark: bytes) -> bool:
        """True if the resolver died at work on that."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An upstream's reply. ``message``: without OPT; None: no upstream gave an answer."""

    name: bytes
    """that was asked for"""
    message: bytes | None
    ad: bool = False
    edes: Errors = ()


@dataclass(slots=True)
class ReferenceUnread:
    """The lines that the store changed, and whose changes the node has not read yet."""

    lines: frozenset[int] = frozenset()
    highest: int = 0
    """the highest number that the node knew: each greater one is a new line, and unread"""
    addresses: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    """the bindings of these lines as the store has them"""
    ports: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    identities: Mapping[Identity, int] = field(default_factory=dict)


@dataclass(slots=True)
class ReferencePlane:
    """Everything that a packet meets."""

    rules: AnswerRules
    allowed: ReferenceAddresses
    """the ACL"""
    proxies: ReferenceAddresses
    """senders that must send a PROXY header"""
    forwarders: ReferenceAddresses
    """senders whose client subnet says who the client is"""
    cache: ReferenceCache
    board: Board
    rates: RateSettings | None = None
    """None: no rate limit"""
    clients: ReferenceBuckets = field(default_factory=ReferenceBuckets)
    strangers: ReferenceBuckets = field(default_factory=ReferenceBuckets)
    """of those outside the ACL: no flood of theirs makes us forget a client"""
    state: ReferenceState | None = None
    """None: the mandatory part is missing"""
    lines: Mapping[int, ReferenceLine] = field(default_factory=dict)
    addresses: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    """the number of each client prefix's line"""
    ports: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    """the same for ports of an address: the prefix has the address, the port, and zeros"""
    identities: Mapping[Identity, int] = field(default_factory=dict)
    sessions: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    session_ports: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    sessions_used: bool = False
    sessions_ready: bool = False
    pools: ReferenceAddresses | None = None
    """networks whose clients come by session; None: any client may"""
    edns_id_from: ReferenceAddresses = field(default_factory=ReferenceAddresses)
    """senders whose EDNS options say whose line it is"""
    proxy_id_tlv: int = 0
    """the type of the TLV that says it in a PROXY header; 0: none"""
    shared: Sequence[SharedRule] = ()
    maps: Sequence[MapRule] = ()
    identity_ready: bool = True
    """the addresses can be trusted to hold every known line"""
    unread: ReferenceUnread | None = None
    """None: every change of the store was read"""
    counted: Counter[Fact] = field(default_factory=Counter)


@dataclass(slots=True)
class Exchange:
    """One query between its packet and its answer."""

    packet: bytes
    client: bytes
    """whose line it is, 16 bytes; the sender at first"""
    tcp: bool
    milliseconds: int
    """when it came, by a clock that does not go back: for the rate limit"""
    proxied: bool = False
    """a front passed it on: the client is what the front's header said"""
    port: int = 0
    """the client's; 0: not known"""
    front: bytes = b""
    """the front that passed it on"""
    tlv: bytes = b""
    """the identity in its header"""
    identities: list[tuple[Method, IdentityKind, bytes]] = field(default_factory=list)
    """the identities that came with it, and how far they are trusted"""
    now: int = 0
    """Unix seconds, for the policy"""
    ticks: int = 0
    """seconds of a clock that does not go back, for the cache"""
    status: Status = Status.OK
    query: ParsedQuery = field(default_factory=ParsedQuery)
    by_subnet: bool = False
    """the client is what a trusted sender's client subnet said"""
    cookie: bytes = b""
    """goes back to the client"""
    cookie_valid: bool = False
    """the sender has shown that it receives at its address (RFC 9018)"""
    line: ReferenceLine | None = None
    """None: unknown"""
    inquiry: Inquiry = field(init=False)
    """what the stages of the verdict ask about"""
    verdict: Verdict = field(default_factory=Verdict)
    coming: bool = False
    """an order that is not in force yet speaks of the name, or of something in what was found so far"""
    excepted: bool = False
    """an exception lifts feeds for the name, or for something in what was found"""
    asked: bytes = b"\0"
    """what is looked up: the query's name, or a safe host"""
    rewrite: bool = False
    """it is a safe host"""
    rounds: int = 0
    """names looked up so far"""
    reply: Reply | None = None
    found: Found = NOTHING
    stale: bool = False
    """nothing was found, but a stale answer stands by"""
    takes_stale: bool = False
    """the client has waited long enough"""
    identified: bool = False
    """identify has counted it"""
    refresh: bool = False
    """answered, and the name is to be asked for again, for the cache alone"""
    shape: Shape = Shape.PASSED
    rcode: int = 0
    edes: list[tuple[int, bytes]] = field(default_factory=list)
    ending: Ending = Ending.SILENT
    answer: bytes = b""
    facts: list[Fact] = field(default_factory=list)
    """what is to be counted"""

    @property
    def key(self) -> Key:
        """The key in the cache of the name that is asked for."""
        query = self.query
        disabled = bool(query.flags & CHECKING_DISABLED)
        return Key(self.asked, query.qtype, query.qclass, query.dnssec_ok, disabled)

    def note(self, *fact: str) -> None:
        """Something to be counted."""
        self.facts.append(fact)

    # How a step leads on to another one than the next.

    def drop(self, reason: str) -> Stage:
        """Nothing is sent."""
        self.note("drops", reason)
        self.ending = Ending.SILENT
        return Stage.RECORD

    def respond(self, shape: Shape) -> Stage:
        """It is settled what the client gets."""
        self.shape = shape
        return Stage.RESPOND

    def fail(self, rcode: int, *edes: tuple[int, bytes]) -> Stage:
        """The client gets an error, and why."""
        self.rcode = rcode
        self.edes += edes
        return self.respond(Shape.ERROR)
