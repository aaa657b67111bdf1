"""The policies directory as frozen values, checked and with every default filled in.

``config.policies`` reads them. Names are lower-case ASCII without the final dot. Durations are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import NameRule, Scope
from filterd.model.slot import Slot
from filterd.policy.desk_scripts import DeskScripts
from filterd.policy.feed_documents import STALE_AFTER, Guard, Login, Signature, is_remote
from filterd.policy.help_lines import HelpLine
from filterd.policy.jurisdictions import Jurisdiction
from filterd.policy.notice_texts import NoticeTexts

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people, in the languages of the product."""

    es: str
    en: str


@dataclass(frozen=True, slots=True)
class Category:
    """A class of names that a profile can restrict."""

    id: str
    title: Text
    description: Text
    empty: bool = False
    """nothing is shipped for it: it blocks nothing until a feed is enabled or added"""
    optional: bool = False
    """no shipped profile restricts it all day: it is there for an operator's own profiles and for hours"""
    equivalents: tuple[tuple[str, str], ...] = ()
    """scheme and term of the categories elsewhere that it answers to: (``agcom``, ``armi``)"""


class Format(StrEnum):
    """The format of a feed's file."""

    DOMAINS = "domains"
    WILDCARD = "wildcard"
    HOSTS = "hosts"
    ADBLOCK = "adblock"
    DNSMASQ = "dnsmasq"
    UNBOUND = "unbound"
    UT1 = "ut1"
    """an archive in the layout of the lists of Université Toulouse Capitole"""

    @property
    def default_scope(self) -> Scope:
        """The scope of an entry where the feed names none: a hosts file speaks of single hosts, and so do
        the lines without marks of an adblock list."""
        return Scope.EXACT if self in (Format.HOSTS, Format.ADBLOCK) else Scope.SUBTREE


@dataclass(frozen=True, slots=True)
class MandatoryTerms:
    """The terms of an adopted list: authority, ground, and manner of blocking."""

    authority: str
    """an authority of a jurisdiction file, or the operator's own words for another body"""
    ground: str
    blocking_mode: BlockingMode = BlockingMode.NXDOMAIN
    confidential: bool = False


class Use(Enum):
    """The use of a feed."""

    CATEGORY = "category"
    MANDATORY = "mandatory"
    SECURITY = "security"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Feed:
    """A source of a list and its purpose: exactly one of category, mandatory, security, bypass holds."""

    id: str
    source: str
    """an address (``https://``), or a path: absolute, or below the policies directory"""
    format: Format
    scope: Scope
    category: str | None = None
    mandatory: MandatoryTerms | None = None
    security: bool = False
    refresh: int = 86400
    guard: Guard = field(default_factory=Guard)
    part: str = ""
    """of an archive: the directory to read; empty: all of them"""
    stale_after: int = STALE_AFTER
    """the age of the last good reading at which the feed alarms"""
    observe: bool = False
    """count what it would block, and block nothing"""
    mirrors: tuple[str, ...] = ()
    """further addresses of the same list, tried in order where the source fails"""
    signature: Signature | None = None
    """None: the list's origin is not proven"""
    pins: tuple[str, ...] = ()
    """SHA-256 of the public keys of servers that are believed, in base64; empty: any valid certificate"""
    login: Login | None = None
    ca: str = ""
    """a PEM file of the authorities for this feed's servers; empty: those of the settings"""
    bypass: str | None = None
    """the way around that the list closes: an id of bypass.yaml"""

    @property
    def use(self) -> Use:
        """The one use that is set."""
        if self.category is not None:
            return Use.CATEGORY
        if self.bypass is not None:
            return Use.BYPASS
        return Use.MANDATORY if self.mandatory is not None else Use.SECURITY

    @property
    def remote(self) -> bool:
        """True if it is fetched from a server."""
        return is_remote(self.source)

    @property
    def confidential(self) -> bool:
        """True if its names must not be shown to anybody."""
        return self.mandatory is not None and self.mandatory.confidential


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of restrictions; all ids stand in the other documents."""

    id: str
    title: Text
    description: Text
    audience: Text
    categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    safe_search: tuple[str, ...] = ()
    bypass: tuple[str, ...] = ()
    blocking_mode: BlockingMode = BlockingMode.NXDOMAIN
    schedule: tuple[Slot, ...] = ()
    limits: Text | None = None
    """what it does not do, in plain words"""
    warning: Text | None = None
    """what a person must know before it is chosen; needed where a slot blocks everything"""

    @property
    def every_category(self) -> frozenset[str]:
        """The categories that it restricts, at whatever hour."""
        return frozenset((*self.categories, *(each for slot in self.schedule for each in slot.categories)))


@dataclass(frozen=True, slots=True)
class ConsentText:
    """A version of the text that a person is shown before a line opts in (LMTR 191, LFPDPPP 7 and 8)."""

    id: str
    """the version"""
    since: str
    """the day from which it is used, ``2026-11-01``"""
    text: Text

    @property
    def digest(self) -> str:
        """SHA-256 of the text in both languages: what the evidence of a request holds."""
        return sha256(f"{self.text.es}\0{self.text.en}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """A heading under which services are shown."""

    id: str
    title: Text


@dataclass(frozen=True, slots=True)
class Service:
    """One well-known application and the names that it needs."""

    id: str
    title: Text
    names: tuple[NameRule, ...]
    group: str = ""
    """the id of its group, such as ``messaging``; empty: of none"""


@dataclass(frozen=True, slots=True)
class SafeSearch:
    """Names that are answered with a search engine's safe host. A profile takes one entry per engine."""

    id: str
    engine: str
    title: Text
    target: str
    names: tuple[NameRule, ...]
    source: str = ""
    """where the engine publishes it"""


class Level(StrEnum):
    """How far closing a way around reaches, the mildest first."""

    SIGNAL = "signal"
    """devices are told that the network filters, and comply by themselves"""
    RESOLVER = "resolver"
    """other resolvers are closed: a device that is set to one loses its Internet until it is set back"""
    TUNNEL = "tunnel"
    """services that carry all traffic elsewhere are closed"""


@dataclass(frozen=True, slots=True)
class Bypass:
    """One way around the resolver, and the names and addresses that close it."""

    id: str
    title: Text
    names: tuple[NameRule, ...] = ()
    addresses: tuple[Network, ...] = ()
    level: Level = Level.TUNNEL
    strip_ech: bool = False
    """take the keys of Encrypted Client Hello out of HTTPS and SVCB answers (RFC 9460, RFC 9849)"""


@dataclass(frozen=True, slots=True)
class AllowedGroup:
    """Names that stay open while a schedule blocks everything, unless its slot takes the group away."""

    id: str
    title: Text
    names: tuple[NameRule, ...]


@dataclass(frozen=True, slots=True)
class Protected:
    """Names that feeds, categories, schedules and orders cannot block, and those that pass closed hours."""

    public_suffixes: bool
    """every ICANN suffix, exactly"""
    names: tuple[NameRule, ...] = ()
    addresses: tuple[Network, ...] = ()
    always_allowed: tuple[NameRule, ...] = ()
    """pass every schedule that blocks everything; nothing more"""
    groups: tuple[AllowedGroup, ...] = ()
    """pass one that leaves them open"""
    never_overridden: tuple[NameRule, ...] = ()
    """names on which an order is quarantined whoever stands behind it: portal, emergency and help lines"""


@dataclass(frozen=True, slots=True)
class Expected:
    """A popular name, and every category whose lists may rightly have it; other lists may not."""

    name: str
    categories: tuple[str, ...]
    """ids of categories, and of ways around for the feeds that close them"""


@dataclass(frozen=True, slots=True)
class Publication:
    """The publisher and licence of a ready feed, and the origin of its address."""

    title: Text
    publisher: str
    licence: str
    address_from: str
    """where the address was found"""
    address_on: str
    """when it was found there, as YYYY-MM-DD"""
    note: Text | None = None
    """for an operator to know before enabling it"""


@dataclass(frozen=True, slots=True)
class ReadyFeed:
    """A feed that is shipped, and off until a person enables it (``filterd feed enable``)."""

    feed: Feed
    publication: Publication


@dataclass(frozen=True, slots=True)
class Policies:
    """The whole directory; every reference between the documents resolves. Each tuple is in file order."""

    categories: tuple[Category, ...] = ()
    feeds: tuple[Feed, ...] = ()
    profiles: tuple[Profile, ...] = ()
    services: tuple[Service, ...] = ()
    service_groups: tuple[ServiceGroup, ...] = ()
    safe_search: tuple[SafeSearch, ...] = ()
    bypass: tuple[Bypass, ...] = ()
    protected: Protected = field(default_factory=lambda: Protected(public_suffixes=False))
    expected: tuple[Expected, ...] = ()
    popular: frozenset[str] = frozenset()
    """names that many people use, beside those of ``expected``"""
    jurisdictions: tuple[Jurisdiction, ...] = ()
    consent_texts: tuple[ConsentText, ...] = ()
    notice_texts: tuple[NoticeTexts, ...] = ()
    help_lines: tuple[HelpLine, ...] = ()
    desk_scripts: tuple[DeskScripts, ...] = ()
    ready: tuple[ReadyFeed, ...] = ()
    """feeds of feeds.d: in force only once enabled"""
    shipped: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)
    """document and id of each entry that came with the product, where the operator's files leave it alone"""
    proven: bool = field(default=False, compare=False)
    """the shipped entries are as their SHA256SUMS says: what they lack was taken out by a release"""
    remarks: tuple[str, ...] = field(default=(), compare=False)
    """passages in the operator's files that do nothing, for a person to look at"""

    def empty_categories(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Those of the wanted categories that no feed fills."""
        filled = {each.category for each in self.feeds if not each.observe}
        return tuple(sorted(set(wanted) - filled))
