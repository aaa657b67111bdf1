"""The addresses of the servers of lists, asked of other DNS servers than this one: a list must arrive while
filterd does not answer, and the system's resolver may be filterd."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from filterd.config.settings import Settings
from filterd.dataplane.upstream.forward_types import Question, Server, UpstreamAnswer
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.fetch.request import Lookup
from filterd.operations.upstreams import server_of
from filterd.wire import codec
from filterd.wire.names import NameTextError, name_from_text
from filterd.wire.status import Status

_A, _AAAA = 1, 28
_ANSWER = 1
_NXDOMAIN = 3


@asynccontextmanager
async def server_addresses(settings: Settings) -> AsyncIterator[Lookup]:
    """A lookup over ``feeds.resolvers``, else the upstreams: UDP first, TCP where an answer is truncated."""
    own = settings.feeds.resolvers
    servers = [Server(str(each.address), each.port) for each in own]
    if not own:
        servers = await asyncio.to_thread(lambda: [server_of(each) for each in settings.dns.upstreams])
    forwarder = Forwarder(servers, clock=time.monotonic, bits=random.SystemRandom())

    async def lookup(host: str) -> tuple[str, ...]:
        try:
            name = name_from_text(host)
        except NameTextError:
            return ()
        return await _addresses(forwarder, name)

    try:
        yield lookup
    finally:
        await forwarder.close()


async def _addresses(forwarder: Forwarder, name: bytes) -> tuple[str, ...]:
    """The addresses of a name, IPv6 first. Raises LookupError where no server said anything."""
    found = await asyncio.gather(*(forwarder.resolve(Question(name, kind)) for kind in (_AAAA, _A)))
    answers = [each for each in found if isinstance(each, UpstreamAnswer)]
    addresses = [address for each in answers for address in _of_answer(each.message)]
    said = [each for each in answers if each.rcode in (0, _NXDOMAIN)]
    if not addresses and len(said) < len(found):
        message = "no DNS server answered for a server of lists"
        raise LookupError(message)
    return tuple(addresses)


def _of_answer(message: bytes) -> list[str]:
    records = codec.records(message)
    if isinstance(records, Status):
        return []
    sizes = {_A: 4, _AAAA: 16}
    return [
        str(ip_address(bytes(each.data)))
        for each in records
        if each.section == _ANSWER and each.rclass == 1 and len(each.data) == sizes.get(each.type)
    ]
