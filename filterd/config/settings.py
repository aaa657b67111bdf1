"""The settings as the rest of the program sees them: frozen and typed, without "auto" or an open default.

Made by :func:`.load.load`, or :meth:`Settings.from_json`. Sizes are bytes, durations seconds. No pydantic."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

from filterd.config import jsonable
from filterd.config.accounting_settings import AccountingSettings, MapRuleSettings, SharedAddressesSettings
from filterd.config.alarm_settings import AlarmSettings, MailSettings
from filterd.config.block_settings import BlockPageSettings, BlockServerSettings
from filterd.config.duty_settings import DutySettings
from filterd.config.notice_settings import NoticeSettings
from filterd.config.people_settings import PersonSettings
from filterd.config.proof_settings import CanarySettings, NodesSettings
from filterd.config.publish_settings import PublishSettings
from filterd.config.register_settings import RegisterSettings
from filterd.config.report_settings import ReportSettings
from filterd.config.retention_settings import RetentionSettings
from filterd.config.service_settings import ServiceSettings
from filterd.config.signing_settings import SigningSettings
from filterd.config.value_types import (
    Bytes,
    CountryCode,
    Endpoint,
    IPNetwork,
    NodeName,
    Seconds,
    StoreUrl,
    TlsName,
    ZoneName,
)
from filterd.config.web_settings import WebSettings
from filterd.model.blocking_mode import BlockingMode


class ParentalFail(StrEnum):
    """The answer to lines that asked for restriction while the parental part of the node state is missing."""

    CLOSED = "closed"
    """SERVFAIL"""
    OPEN = "open"
    """unrestricted answers; mandatory rules hold"""


MOST_THREADS = 62
"""of the fast path: as many as the crash board has room for"""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """This machine among the others."""

    name: NodeName


@dataclass(frozen=True, slots=True)
class UpstreamTlsSettings:
    """The proof of an upstream's identity over TLS."""

    name: TlsName
    ca: Path | None
    """a PEM file; None: the system's certificates"""


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """A resolver that queries are forwarded to."""

    address: Endpoint
    trusted: bool
    """whether its AD flag is believed: it validates, and the way to it cannot be tampered with"""
    outstanding: int = 2048
    """questions that it may have at one time"""
    tls: UpstreamTlsSettings | None = None
    """None: UDP and TCP"""


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """The limits on TCP clients."""

    connections: int
    connections_per_prefix: int
    idle: Seconds
    """for a connection without a query, for a message on its way, for answers that are not read"""
    queries_per_connection: int
    unsent: Bytes


@dataclass(frozen=True, slots=True)
class RateOverrideSettings:
    """Another limit for the clients in a prefix."""

    prefix: IPNetwork
    queries_per_second: int
    """0 for no limit"""
    burst: int


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """The limit on a client's queries over UDP."""

    queries_per_second: int
    """0 for no limit but those of overrides"""
    burst: int
    ipv4_prefix: int
    ipv6_prefix: int
    overrides: tuple[RateOverrideSettings, ...]
    """loopback's among them; no prefix twice"""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """The data plane."""

    listen: tuple[Endpoint, ...]
    threads: int
    upstreams: tuple[UpstreamSettings, ...]
    """in the order in which they are tried; never empty, never one of our own sockets"""
    allow_from: tuple[IPNetwork, ...]
    proxy_from: tuple[IPNetwork, ...]
    """senders that must speak PROXY protocol v2"""
    ecs_from: tuple[IPNetwork, ...]
    """senders whose client subnet says who the client is"""
    edns_id_from: tuple[IPNetwork, ...]
    """senders whose EDNS options 65001, 65073 and 65074 say whose line it is"""
    proxy_id_tlv: int | None
    """the type of the TLV of a PROXY header that says whose line it is; None: there is none"""
    shared_addresses: tuple[SharedAddressesSettings, ...]
    map_rules: tuple[MapRuleSettings, ...]
    nat64: tuple[IPv6Network, ...]
    """prefixes of translators, no one twice"""
    cookie_secret_file: Path | None
    """secrets for server cookies that nodes share; None: this node has its own"""
    tcp: TcpSettings
    rate_limit: RateLimitSettings
    block_ttl: Seconds
    max_ttl_opted_in: Seconds
    identity: NodeName | None
    """what the server calls itself when asked; None: it does not tell"""
    parental_fail: ParentalFail


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The response cache."""

    size: Bytes
    serve_stale: Seconds
    """how long after its expiry an answer may still be served; 0 for never"""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The store."""

    url: StoreUrl
    ledger: Path
    """directory of the newest head and of what was ended, which no restore may undo"""


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """An HTTP listener."""

    listen: Endpoint


@dataclass(frozen=True, slots=True)
class ShortestPrefixSettings:
    """The widest prefixes, in bits, that an order may have without a second person."""

    ipv4: int = 24
    ipv6: int = 48


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """Intake of orders."""

    approvals: int
    """how many people an order takes, the one who adds it among them"""
    shortest_prefix: ShortestPrefixSettings = ShortestPrefixSettings()
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    approval: str = "session"
    """what an approval on a page takes: ``session`` (and the passkey of whoever has one), or ``passkey``"""


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """The operator's own blocking of malware and phishing."""

    enabled: bool
    blocking_mode: str

    @property
    def mode(self) -> BlockingMode:
        """The blocking mode."""
        return BlockingMode[self.blocking_mode.upper()]


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """Fetching of lists."""

    proxy: str | None
    """an HTTP proxy, ``http://HOST:PORT``; None: servers are asked directly"""
    ca: Path | None
    """a PEM file; None: the system's certificates"""
    resolvers: tuple[Endpoint, ...]
    """the DNS servers that find the lists' servers; empty: the upstreams"""
    largest: Bytes
    """of a list, after decompression"""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of an installation."""

    node: NodeSettings
    dns: DnsSettings
    block_page: BlockPageSettings | None
    """None: the sinkhole mode means NXDOMAIN"""
    cache: CacheSettings
    store: StoreSettings
    state_dir: Path
    policies: Path
    policies_base: Path | None
    """the policies that those are laid over; None: nothing lies below"""
    zone: ZoneName
    """of a line that is registered without one"""
    jurisdiction: CountryCode
    """the country whose categories are added"""
    control: ListenSettings
    metrics: ListenSettings
    accounting: AccountingSettings
    orders: OrderSettings
    security: SecuritySettings
    feeds: FeedSettings
    nodes: NodesSettings
    canary: CanarySettings
    retention: RetentionSettings
    web: WebSettings | None
    """None: there is no web process"""
    web_block: BlockServerSettings | None
    """the process of the block page, web.block; None: there is none"""
    notices: NoticeSettings
    service: ServiceSettings
    signing: SigningSettings
    reports: ReportSettings
    publish: PublishSettings
    mail: MailSettings | None
    """None: nothing is mailed"""
    people: tuple[PersonSettings, ...]
    """those who have more than one account"""
    registers: tuple[RegisterSettings, ...] = ()
    """what authorities publish, in the forms of their registers"""
    duty: DutySettings = field(default_factory=DutySettings)

    def to_json(self) -> str:
        """One line of JSON, from which :meth:`from_json` makes an equal value."""
        return json.dumps(jsonable.encode(self), separators=(",", ":"))

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for showing."""
        encoded = jsonable.encode(self)
        assert isinstance(encoded, dict)  # noqa: S101 - a dataclass always encodes to an object
        return encoded

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The value that :meth:`to_json` wrote. Raises ValueError on anything else."""
        return jsonable.decode(cls, json.loads(text))
