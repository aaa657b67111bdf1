"""The line that a client of the portal is on, by the address that it comes from."""

from __future__ import annotations

import asyncio
from ipaddress import IPv6Address, ip_address

from filterd.model.subscriber import Subscriber
from filterd.operations import identification
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.identification import QueryClient
from filterd.store import subscribers

PATIENCE = 2.0
"""seconds that control may take to say whose session an address is"""


async def line_of_address(context: Context, address: str, port: int = 0) -> Subscriber | None:
    """The line that an address (of a client, and its port, 0: unknown) is on by a session or a binding.

    None: on no line, on one of several, outside of ``dns.allow_from``, or control does not answer. Nothing is
    recorded: the client asks about its own line.
    """
    try:
        place = identification.place_of(context.settings, QueryClient(_plain(address), port))
        async with asyncio.timeout(PATIENCE):
            known = await identification.sessions_at(context, place, identification.source_of(context))
    except (OperationError, TimeoutError, ValueError):
        return None
    if place is None or known.remarks:  # nobody can tell whose it is at this moment
        return None
    async with context.store.read(here=True) as connection:
        client = QueryClient(str(place.client.network_address), port)
        found = await identification.identify(connection, context.settings, client, place, known)
        return await subscribers.find(connection, found.subscriber) if found.subscriber else None


def _plain(address: str) -> str:
    """An address as queries have it. Raises ValueError."""
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
