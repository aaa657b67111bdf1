"""The connection that a visitor of the test page comes by: on a line of ours, with a filter or without."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from filterd.model.line import is_paused
from filterd.operations import suspension
from filterd.operations.context import Context
from filterd.operations.portal.on_line import line_of_address
from filterd.operations.works_here import ConnectionKind


async def connection_of(context: Context, address: str) -> ConnectionKind:
    """The kind of connection; nothing of it is kept."""
    if not _is_ours(context, address):
        return ConnectionKind.ELSEWHERE
    found = await line_of_address(context, address)
    if found is None:
        return ConnectionKind.UNKNOWN
    choices = found.choices
    if not choices.opted_in:
        return ConnectionKind.PLAIN
    if await suspension.present(context) is not None:
        return ConnectionKind.SUSPENDED
    paused = is_paused(choices.paused_until, int(context.clock()))
    return ConnectionKind.PAUSED if paused else ConnectionKind.FILTERED


def _is_ours(context: Context, address: str) -> bool:
    """Return whether it is an address that our resolvers serve."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    plain = (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found
    return any(plain.version == each.version and plain in each for each in context.settings.dns.allow_from)
