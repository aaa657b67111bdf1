"""The senders that are believed when they say whose line a query is, as far as the settings name any."""

from __future__ import annotations

from filterd.config.settings import DnsSettings
from filterd.model.bound import Bound, IdentityBound
from filterd.model.identity import IdentityKind

REMEDY = (
    "name the senders that add it there, none but routers and forwarders of yours, then: "
    "sudo systemctl reload filterd-resolver"
)
"""what to do where no sender is named"""


def without_sender(dns: DnsSettings, bound: Bound) -> str:
    """The keys that name no sender for an identity, in words; empty: somebody is believed, or it is none."""
    if not isinstance(bound, IdentityBound):
        return ""
    if bound.kind is IdentityKind.TLV:
        named = bool(dns.proxy_from) and dns.proxy_id_tlv is not None
        return "" if named else "dns.proxy_from and dns.proxy_id_tlv name no sender"
    return "" if dns.edns_id_from else "dns.edns_id_from names no sender"
