"""The session of a client as one looks for it: through the rules for shared addresses, with the reason where
there is none."""

from __future__ import annotations

from dataclasses import replace

from filterd.config.settings import Settings
from filterd.operations.context import Context
from filterd.operations.identification import Place, QueryClient, place_of
from filterd.operations.sessions import claims, commands
from filterd.operations.sessions.commands import ShownSessions


async def show_client(context: Context, text: str) -> ShownSessions:
    """The session of an address and a port, or of the inside address to which a rule leads these. That
    somebody looked is audited. Raises OperationError."""
    claims.place(text)
    place = place_of(context.settings, QueryClient.of(text))
    if place is None:
        return await commands.show_address(context, text)
    found = await commands.show_address(context, text, place.inside)
    if found.sessions or found.ambiguous:
        return found
    return replace(found, reason=_why_none(context.settings, place))


def _why_none(settings: Settings, place: Place) -> str:
    """The reason in the settings why no session can be there; empty: there is none."""
    client = place.client.network_address
    if place.translated and not place.port:
        return (
            f"{client} is shared by a rule of dns.shared_addresses or dns.map_rules: give its port, "
            f"{client}:PORT"
        )
    if place.address is None:
        return "the rules of dns.shared_addresses and dns.map_rules give that port to no line"
    address, pools = place.address.network_address, settings.accounting.pools
    if pools and not any(address in each for each in pools):
        return f"{address} lies in no network of accounting.pools"
    return ""
