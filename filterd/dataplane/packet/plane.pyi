"""One packet in, one answer out: every stage of ``pipeline`` in its order."""

from collections.abc import Iterable
from typing import final

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.plane_types import (
    AnswerRules,
    BindingTables,
    Front,
    IdentityRules,
    PlaneCounts,
    SessionTables,
    UnreadLines,
)
from filterd.dataplane.tables.addresses import Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.policy.classes import Classes
from filterd.policy.decide import PublishedState

@final
class Pending:
    """A query that has to be forwarded; its name is in lower-cased wire form."""

    @property
    def name(self) -> bytes: ...
    @property
    def qtype(self) -> int: ...
    @property
    def qclass(self) -> int: ...
    @property
    def dnssec_ok(self) -> bool: ...
    @property
    def checking_disabled(self) -> bool: ...
    @property
    def client(self) -> bytes:
        """The client's address in 16 bytes, as a front or a trusted sender's subnet names it."""

    @property
    def tcp(self) -> bool: ...
    @property
    def stale(self) -> bool:
        """True if there is a stale answer, should the upstreams be slow."""

@final
class Tally:
    """Counts of one thread."""

@final
class UnreadHandle:
    """What a core points to, as long as a thread may read it."""

@final
class CategoryBlocks:
    """Blocks by class bit, for as long as the bits have one meaning."""

    def __init__(self, classes: Classes) -> None: ...
    @property
    def classes(self) -> Classes: ...

@final
class Plane:
    """The stages with what they need. Calls hold the GIL: another thread publishes between two packets."""

    def __init__(
        self,
        allowed: Prefixes,
        cache: ResponseCache,
        rules: AnswerRules,
        forwarders: Prefixes | None = None,
        proxies: Prefixes | None = None,
    ) -> None:
        """``allowed``: the ACL; ``forwarders``: senders whose client subnet says who the client is;
        ``proxies``: senders whose datagrams to the fast path begin with a PROXY header."""

    def change_settings(
        self,
        allowed: Prefixes,
        rules: AnswerRules,
        forwarders: Prefixes | None = None,
        proxies: Prefixes | None = None,
    ) -> None:
        """Take another ACL, other rules and forwarders from the next packet on. ValueError for a malformed
        address or secret."""

    def limit(self, limiter: RateLimiter, rates: RateRules) -> None:
        """Limit queries over UDP from the next packet on; before the first call there is no limit."""

    def use_board(self, board: CrashBoard) -> None:
        """Note packets under work on this board, and obey its reduced mode, from the next packet on."""

    def publish(
        self,
        state: PublishedState | None,
        lines: Lines,
        bindings: BindingTables,
        identity_ready: bool,
        earliest: int = 0,
        unread: UnreadLines | None = None,
    ) -> None:
        """Decide on this from the next packet on. State None: every query gets SERVFAIL. ``earliest``: Unix
        seconds before which the fast path does not believe the machine's clock. ``unread``: lines for which
        ``dns.parental_fail`` holds, since their changes were not read yet."""

    def use_sessions(self, sessions: SessionTables) -> None:
        """Look sessions up in these tables from the next packet on; they may change meanwhile. Before the
        first call there are none, and nobody is expected to have one."""

    def use_identity_rules(self, rules: IdentityRules) -> None:
        """Recognise lines by these rules from the next packet on. Before the first call there are none."""

    def receive(
        self,
        packet: bytes | bytearray | memoryview,
        client: bytes,
        tcp: bool,
        now: int,
        ticks: float,
        front: Front | None = None,
        port: int = 0,
    ) -> bytes | Pending | None:
        """The answer, None for silence, or what has to be forwarded first.

        ``client`` has 16 bytes, IPv4 as ::ffff:a.b.c.d. ``now`` is Unix seconds; ``ticks`` seconds of a clock
        that does not go back, down to the milliseconds for the rate limit. ``front`` passed the query on: the
        client is what its header says. ``port`` is the client's; 0: not known.
        """

    def finish(
        self,
        pending: Pending,
        message: bytes | None,
        ad: bool,
        edes: Iterable[tuple[int, bytes]],
        now: int,
        ticks: int,
    ) -> bytes | Pending | None:
        """The answer, decided anew on the current state; or another name that has to be forwarded.

        ``message`` is the upstream's answer without OPT; None: there was none.
        """

    def answer_stale(self, pending: Pending, now: int, ticks: int) -> bytes | None:
        """The stale answer for a client that has waited too long (RFC 8767 section 5), or None.

        What forwarding brings at last goes to :meth:`keep`.
        """

    def again(self, pending: Pending, now: int, ticks: int) -> bytes | Pending | None:
        """Decide anew a query that met a table under change on a thread of the fast path."""

    def keep(
        self, pending: Pending, message: bytes | None, ad: bool, edes: Iterable[tuple[int, bytes]], ticks: int
    ) -> None:
        """Cache an upstream's reply that no client waits for."""

    @property
    def board(self) -> CrashBoard | None:
        """The crash board, on which threads note what they work on."""

    @property
    def due(self) -> Pending | None:
        """The question to ask again, where the last answer came from a popular entry that is nearly over."""

    def counts(self) -> PlaneCounts: ...
