"""The line that a client of the portal is on, by the address that it comes from."""

from __future__ import annotations

from filterd.model.subscriber import Subscriber
from filterd.operations.context import Context


async def line_of_address(context: Context, address: str, port: int = 0) -> Subscriber | None:
    """The line that an address (of a client, and its port, 0: unknown) is on by a session or a binding.

    None: on no line, on one of several, outside of ``dns.allow_from``, or control does not answer. Nothing is
    recorded: the client asks about its own line.
    """
    raise NotImplementedError
