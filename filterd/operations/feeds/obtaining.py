"""Obtains the list of a feed: a file that lies here, or what one of the feed's servers gives.

The servers are asked in the order of the entry: ``source``, then ``mirrors``. What one gives counts only
once a :class:`Taker` has proven it: else the next one is asked.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from filterd.feed.source import SourceError
from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.request import Access, Limits, ListReply, Lookup, Tell, Validators
from filterd.fetch.secrets import Secrets
from filterd.model.records import FeedFetch
from filterd.operations.context import Context
from filterd.operations.feeds import fetched_files
from filterd.operations.feeds.fetched_files import Draft
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.policy.documents import Feed
from filterd.policy.feed_documents import server_of

if TYPE_CHECKING:
    from filterd.fetch.client import Client

AT_ONCE = 16
"""feeds that are fetched at the same time"""
AT_ONE_HOST = 2
"""of them, those whose first server is the same: slow ones do not take every slot"""
SMALL = 64 * 1024
"""bytes of a small file: a manifest, a signature"""
FULL_AFTER = 7 * 86400
"""seconds after which a list is fetched whole, whatever its server says of it: marks may lie"""
LONGEST = 3600.0
"""seconds for a feed, with all its servers and attempts"""

Found = TypeVar("Found", covariant=True)


class ServerFailedError(SourceError):
    """A server of the feed did not give what it was asked for."""

    def __init__(self, error: FetchError) -> None:
        super().__init__(str(error))
        self.failure = error.failure


class ListServer(Protocol):
    """The server at one address of a feed. Each call raises SourceError."""

    async def fetch_small_file(self, url: str) -> bytes:
        """The content of a small file, such as a signature."""

    async def fetch_list(self, url: str, *, anew: bool) -> Path:
        """A file of ours with the list as it stands on the server. It may be the one that was fetched before
        where the server says that it is the same, unless ``anew``."""


class Taker(Protocol[Found]):
    """Makes of a list what may be read: it proves the list's origin before. Each call raises SourceError."""

    async def placed(self, path: Path, opened: ExitStack) -> Found:
        """Of a file that lies here."""

    async def fetched(self, address: str, server: ListServer, opened: ExitStack) -> Found:
        """Of what a server gives; where it is refused, the next server is asked."""


class AsItCame:
    """Takes every list, without proof."""

    async def placed(self, path: Path, opened: ExitStack) -> Path:
        """The file itself."""
        del opened
        return path

    async def fetched(self, address: str, server: ListServer, opened: ExitStack) -> Path:
        """The file that was fetched."""
        del opened
        return await server.fetch_list(address, anew=False)


class NotObtainedError(SourceError):
    """No server gave the list; the message says what went wrong at each."""

    def __init__(self, record: FeedFetch) -> None:
        super().__init__("; ".join(record.failures))
        self.record = record


@dataclass(frozen=True, slots=True)
class Obtained(Generic[Found]):
    """A list that can be read."""

    found: Found
    record: FeedFetch | None = None
    """None: the file lies here"""
    remember: Callable[[], None] = lambda: None
    """to be called once the list was taken, in a thread: the server is asked for a newer one from then on"""


class Slots:
    """The places of feeds that are fetched at the same time. Owned by one event loop."""

    def __init__(self) -> None:
        self._every = asyncio.Semaphore(AT_ONCE)
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONE_HOST))

    @asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """A place of a feed from this host; those that wait for a host keep none from others."""
        async with self._hosts[host], self._every:
            yield


@dataclass(slots=True)
class Fetching:
    """The common part of all fetches of a process. ``chance`` gives numbers from 0 to 1."""

    chance: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], Any] = asyncio.sleep
    limits: Limits | None = None
    """None: the usual ones, with the size of the settings"""
    lookup: Lookup | None = None
    """None: by the DNS servers of the settings"""
    slots: Slots = field(default_factory=Slots)
    mandatory_slots: Slots = field(default_factory=Slots)
    """of mandatory feeds alone: slow servers of other feeds do not keep them waiting"""
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """held while a list is read and taken: one after the other, for the sake of memory"""

    def slots_of(self, feed: Feed) -> Slots:
        """The places that a feed waits for."""
        return self.mandatory_slots if feed.mandatory else self.slots

    def limits_of(self, context: Context) -> Limits:
        """The limits of a fetch."""
        return self.limits or Limits(size=context.settings.feeds.largest)


@asynccontextmanager
async def obtained(
    context: Context,
    feed: Feed,
    fetching: Fetching,
    taker: Taker[Found],
    tell: Tell = lambda arrived: None,
    longest: float = LONGEST,
) -> AsyncIterator[Obtained[Found]]:
    """The list of a feed, for the time of the block. ``longest``: seconds for all its servers together.
    Raises SourceError."""
    with ExitStack() as opened:
        if not feed.remote:
            yield Obtained(await taker.placed(context.settings.policies / feed.source, opened))
            return
        directory = fetched_files.directory_of(context.settings.state_dir, feed.id)
        try:
            draft = opened.enter_context(fetched_files.drafting(directory, confidential=feed.confidential))
        except OSError as error:
            message = f"{directory} cannot be written: {error.strerror}; make room below state_dir"
            raise SourceError(message) from error
        async with fetching.slots_of(feed).of(server_of(feed.source)):
            got = await _Servers(context, feed, fetching, taker, tell, draft, opened, longest).first()
        yield got


@dataclass(frozen=True, slots=True)
class _Servers(Generic[Found]):
    """The servers of one feed, asked one after the other."""

    context: Context
    feed: Feed
    fetching: Fetching
    taker: Taker[Found]
    tell: Tell
    draft: Draft
    opened: ExitStack
    longest: float

    async def first(self) -> Obtained[Found]:
        """The list of the first server whose list is taken. Raises NotObtainedError."""
        failures: list[SourceError] = []
        try:
            async with asyncio.timeout(self.longest), self._client() as client:
                for address in (self.feed.source, *self.feed.mirrors):
                    try:
                        return await self._from(client, address, failures)
                    except SourceError as error:
                        failures.append(error)
        except TimeoutError:
            late = FetchError(FetchFailure.TIMEOUT, server_of(self.feed.source), f"{self.longest:g} s")
            failures.append(ServerFailedError(late))
        raise NotObtainedError(self._failed(failures)) from None

    def _failed(self, failures: Sequence[SourceError]) -> FeedFetch:
        now = float(self.context.clock())
        gone = all(
            isinstance(each, ServerFailedError) and each.failure is FetchFailure.GONE for each in failures
        )
        texts = tuple(map(str, failures))
        return FeedFetch(self.feed.id, now, failures=texts, gone_since=now if gone else 0.0)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        from filterd.fetch.client import Client

        settings, feed, fetching = self.context.settings, self.feed, self.fetching
        ca = settings.policies / feed.ca if feed.ca else settings.feeds.ca
        access = Access(Secrets(settings.policies), feed.login, feed.pins, ca, settings.feeds.proxy)
        limits = fetching.limits_of(self.context)
        if fetching.lookup is not None:
            yield Client(access, limits, fetching.lookup, fetching.chance, fetching.sleep)
            return
        async with server_addresses(settings) as lookup:
            yield Client(access, limits, lookup, fetching.chance, fetching.sleep)

    async def _from(self, client: Client, address: str, failures: Sequence[SourceError]) -> Obtained[Found]:
        server = _Server(self.context, self.feed, client, self.draft, self.tell)
        found = await self.taker.fetched(address, server, self.opened)
        reply, now = server.reply, float(self.context.clock())
        if reply is None:
            message = f"{server_of(address)}: no list was asked for"
            raise SourceError(message)
        record = FeedFetch(self.feed.id, now, reply.host, now, reply.modified, tuple(map(str, failures)))
        return Obtained(found, record, server.remember)


@dataclass(slots=True)
class _Server:
    """The server at one address, as a taker sees it."""

    context: Context
    feed: Feed
    client: Client
    draft: Draft
    tell: Tell
    address: str = ""
    reply: ListReply | None = None
    """the last answer with a list"""

    async def fetch_small_file(self, url: str) -> bytes:
        """The content of a file of 64 KiB at most."""
        small = replace(self.client, limits=replace(self.client.limits, size=SMALL))
        sink = BytesIO()
        try:
            await small.get(url, sink, Validators())
        except FetchError as error:
            raise ServerFailedError(error) from None
        return sink.getvalue()

    async def fetch_list(self, url: str, *, anew: bool) -> Path:
        """The list in the draft, or the one that is kept."""
        kept = None if anew else await asyncio.to_thread(self._kept, url)
        validators = kept.validators if kept is not None else None
        try:
            reply = await self.client.get(url, self.draft.file, validators, self.tell)
        except FetchError as error:
            raise ServerFailedError(error) from None
        self.address, self.reply = url, reply
        return self.draft.path if reply.modified or kept is None else kept.path

    def _kept(self, address: str) -> fetched_files.KeptList | None:
        """The list that the address gave last, unless it is so old that it is fetched whole again."""
        found = fetched_files.kept(self.context.settings.state_dir, self.feed, address)
        if found is None or not 0 <= self.context.clock() - found.at < FULL_AFTER:
            return None
        return found

    def remember(self) -> None:
        """Keep what was taken. Nothing of a confidential feed is kept as it came."""
        if self.feed.confidential or self.reply is None:
            return
        try:
            if self.reply.modified:
                now = float(self.context.clock())
                fetched_files.keep(self.draft, self.feed, self.address, self.reply, now)
            else:
                fetched_files.note_entry(self.context.settings.state_dir, self.feed)
        except OSError:
            return  # the list was taken: it is only fetched whole the next time
