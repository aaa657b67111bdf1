"""Warns of settings that are valid and dangerous: ``config check`` shows them, and the resolver logs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from filterd.config.service_settings import ServiceSettings
from filterd.config.settings import Settings
from filterd.config.value_types import IPNetwork

WIDEST = {4: 8, 6: 16}
"""bits of the widest prefix of clients that one provider can have; a wider one holds other people's"""
MOST_FORWARDERS = 16
"""addresses of a prefix whose senders say which client they are; one that has more holds customers"""


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning about the setting at ``path``, and what to do."""

    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


_OPEN = (
    "strangers are answered too, and use the resolver to flood others (an open resolver)",
    "write the prefixes of your own customers",
)
_CLAIMED = (
    "each sender in it says itself which client it is, and so whose line; only your forwarders belong there",
    "write the address of each of your own forwarders, /32 or /128",
)
_NAMED = (
    "each sender in it says itself whose line its query is; only your forwarders belong there",
    _CLAIMED[1],
)


def cautions(settings: Settings) -> tuple[Caution, ...]:
    """The warnings, in the order of the keys in the file."""
    dns = settings.dns
    keys = (
        ("dns.allow_from", dns.allow_from, _OPEN, _is_wide),
        ("dns.proxy_from", dns.proxy_from, _CLAIMED, is_crowd),
        ("dns.ecs_from", dns.ecs_from, _CLAIMED, is_crowd),
        ("dns.edns_id_from", dns.edns_id_from, _NAMED, is_crowd),
    )
    return (
        *_pools(settings),
        *_plain_web(settings),
        *_shared_sinkholes(settings),
        *(
            Caution(path, f"{network} {_extent(network)}: {danger}", remedy)
            for path, networks, (danger, remedy), endangers in keys
            for network in networks
            if endangers(network)
        ),
    )


def facts_missing(settings: Settings) -> tuple[Caution, ...]:
    """The provider's facts that LMTR 191 asks to publish and the file does not have, where pages are served
    or some of the facts are written."""
    published = settings.web is not None and settings.web.public is not None
    if not published and settings.service == ServiceSettings():
        return ()
    remedy = "write it: the public pages leave out what nobody wrote, and the law asks for it (LMTR 191)"
    return tuple(
        Caution(each, "is not written, and no public page says it", remedy)
        for each in settings.service.missing
    )


def holders_untold(settings: Settings) -> tuple[Caution, ...]:
    """The portal's promise that holders are told of each change, where no receiver of notices is there."""
    if settings.web is None or settings.web.portal is None or settings.notices.webhooks:
        return ()
    message = "names no receiver, and the portal promises that holders are told of each change"
    remedy = "write a receiver (docs/notices.md), or have a person work off: filterd notice list"
    return (Caution("notices.webhooks", message, remedy),)


def _pools(settings: Settings) -> Iterator[Caution]:
    """Clients of a version of IP that ``accounting.pools`` leaves out: their sessions are not waited for."""
    accounting, dns = settings.accounting, settings.dns
    if not accounting.pools or (accounting.radius is None and not accounting.leases):
        return
    for version in (4, 6):
        allowed = [each for each in dns.allow_from if each.version == version and not each.is_loopback]
        listened = any(
            each.address.version == version and not each.address.is_loopback for each in dns.listen
        )
        if allowed and listened and not any(each.version == version for each in accounting.pools):
            yield Caution(
                "accounting.pools",
                f"has no IPv{version} network, and {allowed[0]} is served: while sessions are not loaded, "
                "its clients count as in no pool, and lines without a session get no restrictions",
                f"write the IPv{version} networks whose clients come by session beside the others",
            )


def _plain_web(settings: Settings) -> Iterator[Caution]:
    """Listeners of the web process that other machines reach without TLS."""
    web = settings.web
    for key, at in () if web is None or web.tls is not None else web.listeners():
        if not at.address.is_loopback:
            told = "tokens of the API" if key == "web.api.listen" else "pages and who is signed in to them"
            yield Caution(
                key,
                f"{at} is reached without TLS: whoever sees the traffic has the {told}",
                "write web.tls: {certificate, key}, or listen on loopback behind a proxy that speaks TLS",
            )


def _shared_sinkholes(settings: Settings) -> Iterator[Caution]:
    """Kinds of blocks that lead to one address, where the page or another address tells kinds apart."""
    page = settings.block_page
    if page is None or (settings.web_block is None and all(len(each) == 4 for each in page.kinds.values())):
        return
    for address, kinds in page.kinds.items():
        if len(kinds) > 1:
            yield Caution(
                "block_page",
                f"{address} is the address of {', '.join(kind.word for kind in kinds)}: the block page "
                "cannot tell them apart there, and shows the general text",
                "write an address of its own for each kind: block_page: {parental: {ipv4: ...}, ...}",
            )


def is_crowd(network: IPNetwork) -> bool:
    """True for a prefix with more addresses than a provider has forwarders in it. Private ones count too:
    customers have them."""
    return network.num_addresses > MOST_FORWARDERS and not network.is_loopback


def _is_wide(network: IPNetwork) -> bool:
    """True for a prefix that holds public addresses and is wider than one provider's."""
    return network.prefixlen < WIDEST[network.version] and not network.is_private


def _extent(network: IPNetwork) -> str:
    if network.prefixlen == 0:
        return f"is every IPv{network.version} address"
    if network.prefixlen < WIDEST[network.version]:
        return f"is wider than /{WIDEST[network.version]}"
    return f"has more than {MOST_FORWARDERS} addresses"
