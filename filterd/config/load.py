"""Makes settings of the configuration file: reads it, checks it by the raw schema, resolves what is left
open.

All errors are reported at once::

ConfigErrors(Exception) .errors: tuple[ConfigError(path, message), ...]
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from filterd.config import raw, settings
from filterd.config.duty_settings import DutySettings
from filterd.config.load_accounting import accounting, map_rules, shared_addresses
from filterd.config.load_block import block_listeners, block_page, block_server
from filterd.config.load_mail import alarms, mail
from filterd.config.load_notices import notices
from filterd.config.load_portal import portal
from filterd.config.load_publish import publish
from filterd.config.load_registers import register
from filterd.config.load_service import service
from filterd.config.load_signing import signing
from filterd.config.people_settings import PersonSettings
from filterd.config.proof_settings import CanarySettings, NodesSettings
from filterd.config.raw import RawUpstream
from filterd.config.raw_orders import RawOrders
from filterd.config.raw_pages import RawPages
from filterd.config.raw_rate_limit import RawRateLimit
from filterd.config.raw_web import RawPublicPages, RawWeb
from filterd.config.report_settings import GrowthSettings, ReportSettings
from filterd.config.resolvers import loops, system_resolvers
from filterd.config.retention_settings import RetentionSettings
from filterd.config.settings import MOST_THREADS, Settings
from filterd.config.value_types import Endpoint, NodeName
from filterd.config.web_settings import ApiSettings, PagesSettings, TlsSettings, WebSettings
from filterd.config.yamlfile import Nothing, YamlError, dotted, read_yaml, settle

RESOLV_CONF = Path("/etc/resolv.conf")
HOLDS_NOTHING = "holds no settings: it was emptied or cut; put it back, or remove it to run with the defaults"
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One error with its path: ``dns.upstreams[0].address``, or the file where it has no key."""

    path: str
    message: str
    meant: str | None = None
    """of an unknown key: the known one that was probably meant, empty where none is near"""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigErrors(Exception):  # noqa: N818 - it is several
    """Everything wrong with a configuration; the text has one line each."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of a file, and the keys that it has."""

    settings: Settings
    written: frozenset[str]
    """``dns.upstreams``, ``zone``; no deeper than two"""


def load(path: Path | None, *, resolv_conf: Path = RESOLV_CONF) -> Settings:
    """The settings in the file at ``path``, or all defaults for None. Raises ConfigErrors with all errors.

    Relative paths in the file are below its directory. ``resolv_conf`` names the default upstreams. A file
    without any setting is an error: it was emptied, or cut while it was written.
    """
    return load_configuration(path, resolv_conf=resolv_conf).settings


def load_configuration(path: Path | None, *, resolv_conf: Path = RESOLV_CONF) -> Configuration:
    """As :func:`load`, with the keys that the file has."""
    if path is None:
        return Configuration(from_value({}, base=Path("/"), resolv_conf=resolv_conf), frozenset())
    try:
        value = read_yaml(path)
    except YamlError as error:
        raise ConfigErrors(tuple(ConfigError(str(path), message) for message in error.errors)) from error
    if value is None or value == {} or isinstance(value, Nothing):
        raise ConfigErrors((ConfigError(str(path), HOLDS_NOTHING),))
    found = from_value(value, base=path.absolute().parent, resolv_conf=resolv_conf)
    return Configuration(found, _written(value))


def _written(value: dict[str, Any]) -> frozenset[str]:
    inner = {f"{name}.{key}" for name, part in value.items() if isinstance(part, dict) for key in part}
    return frozenset({name for name, part in value.items() if not isinstance(part, dict)} | inner)


def from_value(value: object, *, base: Path, resolv_conf: Path = RESOLV_CONF) -> Settings:
    """As :func:`load`, from the file's value."""
    value, nothings = settle(value)
    errors = [ConfigError(_path(at), nothing.complaint) for at, nothing in nothings.items()]
    configuration = dns = None
    try:
        configuration = raw.RawConfiguration.model_validate(value)
        dns = configuration.dns
    except ValidationError as error:
        told = {each.path for each in errors}
        errors += [each for each in _readable(error) if each.path not in told]
        dns = _section(value, "dns", raw.RawDns)
    upstreams = _resolve_upstreams(dns, base, resolv_conf, errors) if dns is not None else ()
    if configuration is not None:
        _check_listeners(configuration, errors)
    if errors or configuration is None:
        raise ConfigErrors(tuple(errors))
    return _resolve(configuration, upstreams, base)


def _section(value: object, name: str, kind: type[raw.RawDns]) -> raw.RawDns | None:
    """One section alone, so that its cross-checks run beside the others' errors; None if it is wrong."""
    part = value.get(name, {}) if isinstance(value, dict) else None
    try:
        return kind.model_validate(part)
    except ValidationError:
        return None


def _resolve_upstreams(
    dns: raw.RawDns, base: Path, resolv_conf: Path, errors: list[ConfigError]
) -> tuple[settings.UpstreamSettings, ...]:
    if dns.upstreams is None:
        found = [each for each in system_resolvers(resolv_conf) if not loops(each, dns.listen)]
        if not found:
            message = f"{resolv_conf} names no resolver but ourselves; write the upstreams' addresses here"
            errors.append(ConfigError("dns.upstreams", message))
        return tuple(settings.UpstreamSettings(address=each, trusted=False) for each in found)
    if not dns.upstreams:
        errors.append(ConfigError("dns.upstreams", "is empty; write at least one address, or auto"))
    for index, upstream in enumerate(dns.upstreams):
        path = f"dns.upstreams[{index}]"
        if upstream.address.port == 0:
            errors.append(ConfigError(path, "port 0 is no upstream's port"))
        elif loops(upstream.address, dns.listen):
            errors.append(ConfigError(path, f"{upstream.address} is ourselves: queries would loop"))
        _check_ca(upstream, f"{path}.tls.ca", base, errors)
    return tuple(_upstream(each, base) for each in dns.upstreams)


def _check_ca(upstream: RawUpstream, path: str, base: Path, errors: list[ConfigError]) -> None:
    """Refuse a file by which no certificate can be verified, before the resolver starts."""
    if upstream.tls is None or upstream.tls.ca is None:
        return
    import ssl  # here, since few configurations need it, and every command reads the configuration

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(base / upstream.tls.ca)
    except ssl.SSLError:
        errors.append(ConfigError(path, f"{base / upstream.tls.ca} holds no certificate in PEM form"))
    except OSError as error:
        errors.append(ConfigError(path, f"{base / upstream.tls.ca} cannot be read: {error.strerror}"))


def _upstream(upstream: RawUpstream, base: Path) -> settings.UpstreamSettings:
    tls = upstream.tls
    if tls is not None:
        found = settings.UpstreamTlsSettings(tls.name, None if tls.ca is None else base / tls.ca)
        return settings.UpstreamSettings(upstream.address, upstream.trusted, upstream.outstanding, found)
    return settings.UpstreamSettings(upstream.address, upstream.trusted, upstream.outstanding)


def _check_listeners(configuration: raw.RawConfiguration, errors: list[ConfigError]) -> None:
    """Refuse two listeners on one TCP socket; port 0 (the kernel chooses) never collides."""
    listeners: list[tuple[str, Endpoint]] = [
        (f"dns.listen[{index}]", each) for index, each in enumerate(configuration.dns.listen)
    ]
    listeners += [
        ("control.listen", configuration.control.listen),
        ("metrics.listen", configuration.metrics.listen),
    ]
    web = configuration.web
    places = [("api", web.api.listen), ("portal", web.portal.listen), ("desk", web.desk.listen)]
    places.append(("regulator", web.regulator.listen))
    if web.public.listen != web.portal.listen:  # which means: served together
        places.append(("public", web.public.listen))
    listeners += [(f"web.{name}.listen", listen) for name, listen in places if listen is not None]
    if configuration.web.health is not None:
        listeners.append(("web.health", configuration.web.health))
    listeners += block_listeners(configuration.web.block)
    taken: dict[Endpoint, str] = {}
    for path, endpoint in listeners:
        if endpoint.port and endpoint in taken:
            errors.append(ConfigError(path, f"{endpoint} is taken by {taken[endpoint]}"))
        taken.setdefault(endpoint, path)


def _identity(configuration: raw.RawConfiguration) -> NodeName | None:
    """The name that the server tells; None: it tells none."""
    chosen = configuration.dns.identity
    if chosen == "auto":
        return configuration.node.name
    return None if chosen == "hidden" else NodeName(chosen)


def _rate_limit(limit: RawRateLimit) -> settings.RateLimitSettings:
    """The limit. Loopback addresses cannot be forged from outside: they have none unless the file says so."""
    overrides = {network: settings.RateOverrideSettings(network, 0, 1) for network in LOOPBACK}
    for each in limit.overrides:
        burst = max(5 * each.queries_per_second, 1) if each.burst is None else each.burst
        overrides[each.prefix] = settings.RateOverrideSettings(each.prefix, each.queries_per_second, burst)
    return settings.RateLimitSettings(
        limit.queries_per_second,
        limit.burst,
        limit.ipv4_prefix,
        limit.ipv6_prefix,
        tuple(overrides.values()),
    )


def _feeds(feeds: raw.RawFeeds, base: Path) -> settings.FeedSettings:
    ca = base / feeds.ca if feeds.ca else None
    return settings.FeedSettings(feeds.proxy, ca, feeds.resolvers, feeds.largest)


def _orders(orders: RawOrders, base: Path) -> settings.OrderSettings:
    widest = settings.ShortestPrefixSettings(**dict(orders.shortest_prefix))
    return settings.OrderSettings(orders.approvals, widest, alarms(orders.alarms, base), orders.approval)


def _web(web: RawWeb, base: Path) -> WebSettings | None:
    api, tls = web.api, web.tls
    certificate = None if tls is None else TlsSettings(base / tls.certificate, base / tls.key)
    found = WebSettings(
        None if api.listen is None else ApiSettings(api.listen, api.connections, api.requests),
        certificate,
        web.trusted_proxies,
        (web.public_url or "").rstrip("/"),
        web.health,
        _pages(web.portal),
        _pages(web.public),
        _pages(web.desk),
        _pages(web.regulator),
        portal(web.portal, base),
    )
    return found if any(found.listeners()) else None


def _pages(pages: RawPages) -> PagesSettings | None:
    if pages.listen is None:
        return None
    zone = pages.test_zone or "" if isinstance(pages, RawPublicPages) else ""
    return PagesSettings(pages.listen, pages.connections, (pages.public_url or "").rstrip("/"), zone)


def _dns(
    configuration: raw.RawConfiguration, upstreams: tuple[settings.UpstreamSettings, ...], base: Path
) -> settings.DnsSettings:
    dns = configuration.dns
    return settings.DnsSettings(
        listen=dns.listen,
        threads=min(len(os.sched_getaffinity(0)), MOST_THREADS) if dns.threads is None else dns.threads,
        upstreams=upstreams,
        allow_from=dns.allow_from,
        proxy_from=dns.proxy_from,
        ecs_from=dns.ecs_from,
        edns_id_from=dns.edns_id_from,
        proxy_id_tlv=dns.proxy_id_tlv,
        shared_addresses=shared_addresses(dns.shared_addresses),
        map_rules=map_rules(dns.map_rules),
        nat64=tuple(dict.fromkeys(dns.nat64)),
        cookie_secret_file=base / dns.cookie_secret_file if dns.cookie_secret_file else None,
        tcp=settings.TcpSettings(**dict(dns.tcp)),
        rate_limit=_rate_limit(dns.rate_limit),
        block_ttl=dns.block_ttl,
        max_ttl_opted_in=dns.max_ttl_opted_in,
        identity=_identity(configuration),
        parental_fail=dns.parental_fail,
    )


def _resolve(
    configuration: raw.RawConfiguration, upstreams: tuple[settings.UpstreamSettings, ...], base: Path
) -> Settings:
    return Settings(
        node=settings.NodeSettings(configuration.node.name),
        dns=_dns(configuration, upstreams, base),
        block_page=block_page(configuration.block_page),
        cache=settings.CacheSettings(configuration.cache.size, configuration.cache.serve_stale),
        store=settings.StoreSettings(
            configuration.store.url, base / (configuration.store.ledger or configuration.state_dir / "ledger")
        ),
        state_dir=base / configuration.state_dir,
        policies=base / configuration.policies,
        policies_base=base / configuration.policies_base if configuration.policies_base else None,
        zone=configuration.zone,
        jurisdiction=configuration.jurisdiction,
        control=settings.ListenSettings(configuration.control.listen),
        metrics=settings.ListenSettings(configuration.metrics.listen),
        accounting=accounting(configuration.accounting, base),
        orders=_orders(configuration.orders, base),
        security=settings.SecuritySettings(**dict(configuration.security)),
        feeds=_feeds(configuration.feeds, base),
        nodes=NodesSettings(**dict(configuration.nodes)),
        canary=CanarySettings(configuration.canary.zone, configuration.canary.interval),
        retention=RetentionSettings(**dict(configuration.retention)),
        web=_web(configuration.web, base),
        web_block=block_server(configuration.web, base),
        notices=notices(configuration.notices, base),
        service=service(configuration.service),
        signing=signing(configuration.signing, base, base / configuration.state_dir),
        reports=ReportSettings(GrowthSettings(**dict(configuration.reports.growth))),
        publish=publish(configuration.publish, base, base / configuration.state_dir),
        mail=mail(configuration.mail, base),
        people=tuple(PersonSettings(each.name, each.accounts) for each in configuration.people),
        registers=tuple(register(each, base) for each in configuration.registers),
        duty=DutySettings(**dict(configuration.duty)),
    )


def _readable(error: ValidationError) -> list[ConfigError]:
    """The schema's errors in the operator's words, one for each path."""
    from filterd.config import error_words

    found: dict[str, ConfigError] = {}
    for item in error.errors(include_url=False):
        location = item["loc"]
        path, meant = _path(location), None
        if item["type"] == "extra_forbidden":
            meant = _meant(location)
            message = "unknown key" + (f"; did you mean {meant}?" if meant else "")
        elif item["type"] == "value_error":
            message = str(item["ctx"]["error"])
        else:
            message = error_words.words(item["type"], item["input"], item.get("ctx", {}))
        found.setdefault(path, ConfigError(path, message, meant))
    return list(found.values())


def _path(location: tuple[int | str, ...]) -> str:
    """``("dns", "upstreams", 0)`` as ``dns.upstreams[0]``; an empty location is the file."""
    return dotted(location).lstrip(".") or "the file"


def _meant(location: tuple[int | str, ...]) -> str:
    """The known key that was probably meant; empty where none is near."""
    known: Any = raw.RawConfiguration
    for part in location[:-1]:
        field = known.model_fields.get(part) if isinstance(part, str) else None
        known = field.annotation if field is not None else None
        if not (isinstance(known, type) and issubclass(known, BaseModel)):
            return ""
    import difflib

    close = difflib.get_close_matches(str(location[-1]), known.model_fields, n=1)
    return close[0] if close else ""
