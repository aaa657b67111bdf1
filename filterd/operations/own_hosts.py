"""The hosts of the configuration's public URLs, which are protected names as those of ``protected.yaml`` are.

A home must reach the portal whatever it closes, and whatever a list or an order closes: the service is
switched off there. Nobody has to write these names twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna

from filterd.config.policies import icann_suffixes, private_suffixes
from filterd.config.settings import Settings
from filterd.model.rule import NameRule, Scope
from filterd.operations.snapshot_input import zones_of
from filterd.policy.documents import Policies


def own_hosts(settings: Settings) -> tuple[NameRule, ...]:
    """The hosts, each once, in the order of the settings, with all below them.

    A public suffix or a name above a zone of test or canary names stands alone: neither all customers of a
    hosting service are protected, nor names that must be blocked. Addresses and names of one label are none.
    """
    names = dict.fromkeys(filter(None, map(host_of, _urls(settings))))
    zones = [zone for zone in zones_of(settings) if zone]
    return tuple(NameRule(name, _scope(name, zones)) for name in names)


def with_own_hosts(documents: Policies, settings: Settings) -> Policies:
    """The policies, whose protected names have the hosts too; no order overrides those."""
    before, ours = documents.protected, own_hosts(settings)
    names = tuple(dict.fromkeys((*before.names, *ours)))
    never = tuple(dict.fromkeys((*before.never_overridden, *ours)))
    if (names, never) == (before.names, before.never_overridden):
        return documents
    return replace(documents, protected=replace(before, names=names, never_overridden=never))


def host_of(url: str) -> str:
    """The host of a URL as a name: lower-case A-labels; empty where it is an address or no name of ours."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except (ValueError, idna.IDNAError):
        return ""
    return name if "." in name and not _is_address(name) else ""


def _urls(settings: Settings) -> Iterator[str]:
    web = settings.web
    if web is not None:
        yield from (each.public_url for each in web.pages.values())
        yield web.sign_in.public_url
        yield web.public_url
    if settings.web_block is not None:
        yield from (settings.web_block.portal_url, settings.web_block.public_url)
    yield settings.service.public_url


def _scope(name: str, zones: list[str]) -> Scope:
    suffix = name in icann_suffixes() or private_suffixes().lists(name)
    above = any(f".{zone}".endswith(f".{name}") for zone in zones)
    return Scope.EXACT if suffix or above else Scope.SUBTREE


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
