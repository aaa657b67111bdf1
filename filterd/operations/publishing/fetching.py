"""Fetches what other providers publish of their lists, over https, by the settings of feeds."""

from __future__ import annotations

from contextlib import AsyncExitStack
from io import BytesIO

from filterd.fetch.failures import FetchError
from filterd.fetch.request import Access, Limits
from filterd.fetch.secrets import Secrets
from filterd.operations.context import Context
from filterd.operations.errors import NotReachedError
from filterd.operations.feeds.obtaining import Fetching
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.publishing.foreign import LARGEST

LIMITS = Limits(size=LARGEST, total=60.0)


async def fetched(context: Context, address: str, fetching: Fetching | None = None) -> bytes:
    """The content at an address, of :data:`.foreign.LARGEST` bytes at most. Raises NotReachedError."""
    from filterd.fetch.client import Client

    settings, how = context.settings, fetching or Fetching()
    access = Access(Secrets(settings.policies), None, (), settings.feeds.ca, settings.feeds.proxy)
    sink = BytesIO()
    async with AsyncExitStack() as opened:
        lookup = how.lookup
        if lookup is None:
            lookup = await opened.enter_async_context(server_addresses(settings))
        client = Client(access, how.limits or LIMITS, lookup, how.chance, how.sleep)
        try:
            await client.get(address, sink)
        except FetchError as error:
            raise NotReachedError(str(error), "see whether the address is right, and try again") from None
    return sink.getvalue()
