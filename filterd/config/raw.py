"""The schema of the configuration file: every key with its default, as the operator writes it.

It is the source of ``config schema`` and docs/configuration.md. What depends on the machine
(``auto``, the system's resolvers) is resolved in ``config.load``. The keys stand in the order in which they
are documented.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from filterd.config import value_types
from filterd.config.raw_accounting import RawAccounting
from filterd.config.raw_block import RawBlockPage
from filterd.config.raw_duty import RawDuty
from filterd.config.raw_identities import RawMapRule, RawSharedAddresses
from filterd.config.raw_mail import RawMail
from filterd.config.raw_notices import RawNotices
from filterd.config.raw_orders import RawOrders
from filterd.config.raw_people import RawPeople
from filterd.config.raw_proof import RawCanary, RawNodes
from filterd.config.raw_publish import RawPublish
from filterd.config.raw_rate_limit import RawRateLimit
from filterd.config.raw_registers import RawRegisters
from filterd.config.raw_reports import RawReports
from filterd.config.raw_retention import RawRetention
from filterd.config.raw_service import RawService
from filterd.config.raw_signing import RawSigning
from filterd.config.raw_types import (
    Auto,
    Country,
    Duration,
    FilePath,
    Identity,
    Listener,
    Nat64Prefix,
    Network,
    NodeName,
    ProxyUrl,
    SchemaOfSections,
    SchemaWhenAsked,
    Section,
    Size,
    StoreUrl,
    Threads,
    TlsName,
    UpstreamAddress,
    Zone,
    key,
)
from filterd.config.raw_web import RawWeb
from filterd.config.settings import ParentalFail
from filterd.policy.published import MAX_NAT64

PORT = 53
TLS_PORT = 853
"""RFC 7858 section 3.1"""


class RawNode(Section):
    """This machine among the others."""

    name: NodeName = key("resolver-1", "The node's name in metrics, reports and acknowledgements.")


class RawTcp(Section):
    """What TCP clients may take (RFC 7766, RFC 9210)."""

    connections: int = key(
        10_000,
        "Connections open at one time; for a new one beyond, the one that has been idle longest is closed.",
        ge=1,
        le=1_000_000,
        strict=True,
    )
    connections_per_prefix: int = key(
        150,
        "The same for one client, which is a prefix as long as those of dns.rate_limit.",
        ge=1,
        le=1_000_000,
        strict=True,
    )
    idle: Duration = key(
        "10s",
        "How long a connection may bring nothing, a message may take to arrive, and answers may stay unread.",
        ge=1,
        le=6553,
    )
    queries_per_connection: int = key(
        1000, "Queries answered on one connection before it is closed.", ge=1, le=1_000_000, strict=True
    )
    unsent: Size = key(
        "32KiB",
        "Bytes of answers that the kernel keeps for one client before no more of its queries are read.",
        ge=4096,
        le=1024**2,
    )


class RawUpstreamTls(Section):
    """DNS over TLS to an upstream, with a certificate that is verified; there is no way without."""

    name: TlsName = Field(description="The name, or the address, that its certificate must be for.")
    ca: FilePath | None = key(
        None,
        "A PEM file of the certificates that its chain may end in, instead of the system's; relative to the "
        "file's directory.",
    )


class RawUpstream(Section):
    """A resolver that queries are forwarded to; a bare address stands for one that is not trusted."""

    address: UpstreamAddress = Field(
        description="Address and port; the port is 53 where left out, or 853 with tls."
    )
    trusted: bool = key(
        False,
        "Whether its AD flag is believed: it validates DNSSEC and the way to it cannot be tampered with.",
    )
    outstanding: int = key(
        2048,
        "Questions that it may have at one time; the next upstream is asked what is beyond.",
        ge=1,
        le=65535,
        strict=True,
    )
    tls: Annotated[RawUpstreamTls | None, SchemaWhenAsked(RawUpstreamTls.model_json_schema)] = key(
        None, "Ask over TLS: {name, ca}."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_port(cls, value: Any) -> Any:
        """The address with the port that it has where none is written. Errors are the address's own."""
        if not isinstance(value, dict) or "address" not in value:
            return value
        port = PORT if value.get("tls") is None else TLS_PORT
        try:
            return value | {"address": value_types.parse_endpoint(value["address"], default_port=port)}
        except ValueError:
            return value


def _upstream(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


def _upstreams_schema() -> dict[str, Any]:
    entry = {"anyOf": [{"type": "string"}, RawUpstream.model_json_schema()]}
    return {"anyOf": [{"const": "auto"}, {"type": "array", "minItems": 1, "items": entry}]}


UpstreamEntry = Annotated[RawUpstream, BeforeValidator(_upstream)]
Upstreams = Annotated[tuple[UpstreamEntry, ...] | None, Auto, SchemaWhenAsked(_upstreams_schema)]


class RawDns(Section):
    """The data plane: what the resolver listens on, whom it serves and where it forwards to."""

    listen: tuple[Listener, ...] = key(
        ("127.0.0.1:5300", "[::1]:5300"),
        "Addresses for queries, UDP and TCP alike. A service on the standard port sets :53 addresses.",
        min_length=1,
    )
    threads: Threads = key(
        "auto",
        "Threads that answer queries over UDP; auto is one for each processor that the service may use. "
        "Another number takes a restart.",
    )
    upstreams: Upstreams = key(
        "auto",
        "Resolvers to forward to, in order, each an address or {address, trusted, outstanding, tls}; auto is "
        "those of /etc/resolv.conf without ourselves.",
    )
    allow_from: tuple[Network, ...] = key(
        (
            "127.0.0.0/8",
            "::1/128",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
            "fe80::/10",
        ),
        "Clients that are answered; all others get REFUSED.",
    )
    proxy_from: tuple[Network, ...] = key(
        (), "Senders that must speak PROXY protocol v2 on UDP and TCP; no other sender may."
    )
    ecs_from: tuple[Network, ...] = key(
        (),
        "Forwarders whose EDNS client subnet, if it is a whole address (/32, /128), says who the client is. "
        "It goes back to them and nowhere else; what any other sender says is ignored. Each must override "
        "its clients' own option, else they choose whose line they are: docs/operations.md says how.",
    )
    edns_id_from: tuple[Network, ...] = key(
        (),
        "Senders whose EDNS options 65001, 65073 and 65074 (hardware address, device and CPE id) say whose "
        "line it is. Each must set the option itself and remove its clients' own.",
    )
    proxy_id_tlv: int | None = key(
        None,
        "The type of the TLV in a PROXY header that says whose line it is, 224 to 239 (0xE0 to 0xEF); "
        "absent: TLVs are passed over.",
        ge=0xE0,
        le=0xEF,
        strict=True,
    )
    shared_addresses: tuple[RawSharedAddresses, ...] = key(
        (),
        "Carrier-grade NAT with ports by a fixed rule, each {outside, inside, first_port, ports, order}, 32 "
        "at most. A resolver inside the NAT needs none of this.",
        max_length=32,
    )
    map_rules: tuple[RawMapRule, ...] = key(
        (), "MAP-E and MAP-T, each {ipv4, ipv6, ea_bits, psid_offset}, 32 at most.", max_length=32
    )
    nat64: tuple[Nat64Prefix, ...] = key(
        ("64:ff9b::/96",),
        "Prefixes of the translators (NAT64) that clients are behind, eight at most, of 32, 40, 48, 56, 64 "
        "or 96 bits: rules on IPv4 addresses see the address behind them. Those inside 6to4, Teredo and "
        "IPv4-mapped, -translated and -compatible addresses are always seen.",
        max_length=MAX_NAT64,
    )
    cookie_secret_file: FilePath | None = key(
        None,
        "Secrets for server cookies that several nodes behind one address share: one or two lines of 32 "
        "hexadecimal digits. Both are believed, the first makes cookies. Read again with the configuration; "
        "relative to the file's directory. Absent: the node makes one of its own.",
    )
    tcp: RawTcp = Field(default_factory=RawTcp)
    rate_limit: RawRateLimit = Field(default_factory=RawRateLimit)
    block_ttl: Duration = key("30s", "TTL of the answers that the resolver makes itself.", le=86400)
    max_ttl_opted_in: Duration = key(
        "5m", "Upper bound of any TTL for lines that asked for restriction.", ge=1, le=86400
    )
    identity: Identity = key(
        "auto",
        "What id.server (CHAOS) and NSID tell; auto is the node's name, hidden is nothing.",
    )
    parental_fail: ParentalFail = key(
        "closed",
        "What registered lines get while their choices cannot be read: closed is SERVFAIL, open is "
        "unrestricted answers. Lines whose profile restricts a category of which no list was ever read get "
        "SERVFAIL too, or the rest of the profile. Mandatory rules hold in all cases.",
    )


class RawCache(Section):
    """The response cache: unfiltered upstream answers, shared by all lines."""

    size: Size = key("256MiB", "Memory for cached answers, taken at start.", ge=1024**2)
    serve_stale: Duration = key(
        "1d",
        "How long after its expiry an answer may be served when no upstream answers; 0 is never.",
        le=604800,
    )


class RawStore(Section):
    """The database: the only source of truth."""

    url: StoreUrl = key("sqlite:////var/lib/filterd/filterd.db", "The store's URL: SQLite, an absolute path.")
    ledger: FilePath | None = key(
        None,
        "Directory that remembers the store's newest head and what was ended; best on another disk than the"
        " store. Default: ledger, in state_dir.",
    )


class RawControl(Section):
    """The control plane's HTTP listener: /metrics, /healthz, /readyz."""

    listen: Listener = key(
        "127.0.0.1:8080",
        "Address and port. Control works without it: where it cannot be bound, that is tried again.",
    )


class RawMetrics(Section):
    """The resolver's own HTTP listener: /metrics, /healthz, /readyz."""

    listen: Listener = key(
        "127.0.0.1:9353",
        "Address and port. DNS is served without it: where it cannot be bound, that is tried again. Any user "
        "of the machine can bind a port above 1023 while it is free, and forge /readyz then: where a "
        "balancer decides by it, choose a port below 1024, or have it ask DNS itself.",
    )


class RawSecurity(Section):
    """The operator's own blocking of malware and phishing; any line can leave it."""

    enabled: bool = key(False, "Whether security feeds block.")
    blocking_mode: Literal["nxdomain", "nodata", "null", "sinkhole"] = key(
        "nxdomain", "The answer for what they block."
    )


class RawFeeds(Section):
    """Fetching of lists over HTTPS."""

    proxy: ProxyUrl | None = key(
        None, "An HTTP proxy through which lists are fetched: `http://HOST:PORT`, without a password."
    )
    ca: FilePath | None = key(
        None,
        "A PEM file of the authorities of the lists' servers, instead of the system's; relative to the file.",
    )
    resolvers: tuple[UpstreamAddress, ...] = key(
        (),
        "DNS servers that find the lists' servers, never filterd itself; without any, `dns.upstreams`.",
    )
    largest: Size = key("256MiB", "The largest list that is taken, after decompression.", ge=1024**2)


class RawConfiguration(Section):
    """The configuration of filterd: one YAML file, every key with a default."""

    node: RawNode = Field(default_factory=RawNode)
    dns: RawDns = Field(default_factory=RawDns)
    block_page: RawBlockPage = Field(default_factory=RawBlockPage)
    cache: RawCache = Field(default_factory=RawCache)
    store: RawStore = Field(default_factory=RawStore)
    state_dir: FilePath = key(
        "/var/lib/filterd", "Node state, snapshots, feeds, keys; relative to the file's directory."
    )
    policies: FilePath = key(
        "/etc/filterd/policies", "The policies directory; relative to the file's directory."
    )
    policies_base: FilePath | None = key(
        None,
        "The shipped policies, over which `policies` is laid entry by entry; the package's are "
        "`/usr/share/filterd/policies`. Without it `policies` holds every file.",
    )
    zone: Zone = key(
        value_types.DEFAULT_ZONE,
        "IANA time zone of the schedules of lines that are registered or imported without one. A change "
        "leaves the lines that exist as they are.",
    )
    jurisdiction: Country = key(
        value_types.HOME,
        "The country whose rules are in force: a file of `jurisdictions/` in the policies. It adds the "
        "categories that stand only in that file.",
    )
    control: RawControl = Field(default_factory=RawControl)
    metrics: RawMetrics = Field(default_factory=RawMetrics)
    accounting: RawAccounting = Field(default_factory=RawAccounting)
    orders: RawOrders = Field(default_factory=RawOrders)
    duty: RawDuty = Field(default_factory=RawDuty)
    security: RawSecurity = Field(default_factory=RawSecurity)
    feeds: RawFeeds = Field(default_factory=RawFeeds)
    nodes: RawNodes = Field(default_factory=RawNodes)
    canary: RawCanary = Field(default_factory=RawCanary)
    retention: RawRetention = Field(default_factory=RawRetention)
    web: RawWeb = Field(default_factory=RawWeb)
    notices: RawNotices = Field(default_factory=RawNotices)
    service: RawService = Field(default_factory=RawService)
    signing: RawSigning = Field(default_factory=RawSigning)
    publish: RawPublish = Field(default_factory=RawPublish)
    mail: RawMail = Field(default_factory=RawMail)
    reports: RawReports = Field(default_factory=RawReports)
    people: RawPeople = key(
        (),
        "People who have more than one account, each {name, accounts}: one human counts as one where "
        "something takes two.",
        max_length=1_000,
    )
    registers: RawRegisters = key(
        (),
        "Registers of authorities whose documents are taken in.",
        max_length=64,
    )


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RawConfiguration.model_json_schema(schema_generator=SchemaOfSections),
    }
