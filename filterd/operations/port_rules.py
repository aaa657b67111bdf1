"""Bindings of ports inside a rule for shared addresses: the two say whose the same ports are.

A session of the inside address comes before such a binding, and the binding before one of the inside address
(``operations.identification``): whose a query is would depend on what is known at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from filterd.config.settings import DnsSettings
from filterd.model.bound import Bound, PortsBound, parse_bound
from filterd.operations.context import Context
from filterd.store import bindings as rows

REMEDY = (
    "bind the inside address in its place (filterd binding add), or take the rule's network out of {rule}; a"
    " session of the inside address comes before the ports, and the ports before a binding of it"
)


@dataclass(frozen=True, slots=True)
class PortsInRule:
    """A binding of ports, and the key of the rule that its address lies in."""

    bound: str
    rule: str

    @property
    def message(self) -> str:
        """The problem."""
        return f"{self.bound} lies in {self.rule}, which says itself whose these ports are"

    @property
    def remedy(self) -> str:
        """The way out of it."""
        return REMEDY.format(rule=self.rule)


def rule_over(dns: DnsSettings, bound: Bound) -> str:
    """The key of the rule that an address with ports lies in; empty: there is none."""
    if not isinstance(bound, PortsBound):
        return ""
    return next((key for key, network in _rules(dns) if bound.address in network), "")


async def ports_in_rules(context: Context) -> list[PortsInRule]:
    """The bindings of ports that lie in a rule, in the order of their texts."""
    dns = context.settings.dns
    if not (dns.shared_addresses or dns.map_rules):
        return []
    async with context.store.read() as connection:
        texts = await rows.with_ports(connection)
    told = ((text, rule_over(dns, parse_bound(text))) for text in texts)
    return [PortsInRule(text, rule) for text, rule in told if rule]


def _rules(dns: DnsSettings) -> Iterator[tuple[str, IPv4Network]]:
    for at, shared in enumerate(dns.shared_addresses):
        yield f"dns.shared_addresses[{at}]", shared.outside
    for at, rule in enumerate(dns.map_rules):
        yield f"dns.map_rules[{at}]", rule.ipv4
