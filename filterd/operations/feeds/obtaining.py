"""Obtains the list of a feed: a file that lies here, or what one of the feed's servers gives.

The servers are asked in the order of the entry: ``source``, then ``mirrors``. What one gives counts only
once it is proven (:class:`Proof`): else the next one is asked.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from filterd.feed.source import SourceError
from filterd.fetch.failures import Failure, FetchError
from filterd.fetch.request import Access, Limits, Lookup, Reply, Tell, Validators
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

AT_ONCE = 4
"""feeds that are fetched at the same time"""
COMPANION_SIZE = 64 * 1024
"""bytes of a file beside a list: a manifest, a signature"""
FULL_AFTER = 7 * 86400
"""seconds after which a list is fetched whole, whatever its server says of it: marks may lie"""
LONGEST = 3600.0
"""seconds for a feed, with all its servers and attempts"""

Companion = Callable[[str], Awaitable[bytes]]
"""the file beside the list whose name is the list's with this ending. Raises SourceError"""


class Proof(Protocol):
    """The proof of a list's origin. Each method raises SourceError: then the next server is asked."""

    async def prepare(self, companion: Companion) -> None:
        """Take in what proves the list that comes next; before the list, so that a change between the two is
        noticed."""

    def check(self, path: Path) -> None:
        """Compare the list with it, in a thread."""


class NotObtainedError(SourceError):
    """No server gave the list; the message says what went wrong at each."""

    def __init__(self, record: FeedFetch) -> None:
        super().__init__("; ".join(record.failures))
        self.record = record


@dataclass(frozen=True, slots=True)
class Obtained:
    """A list that can be read."""

    path: Path
    modified: bool = True
    """False: the server says that it is the one that was taken before"""
    record: FeedFetch | None = None
    """None: the file lies here"""
    remember: Callable[[], None] = lambda: None
    """to be called once the list was taken, in a thread: the server is asked for a newer one from then on"""


@dataclass(slots=True)
class Fetching:
    """The common part of all fetches of a process. ``chance`` gives numbers from 0 to 1."""

    chance: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], Any] = asyncio.sleep
    limits: Limits | None = None
    """None: the usual ones, with the size of the settings"""
    lookup: Lookup | None = None
    """None: by the DNS servers of the settings"""
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """held while a list is read and taken: one after the other, for the sake of memory"""

    def limits_of(self, context: Context) -> Limits:
        """The limits of a fetch."""
        return self.limits or Limits(size=context.settings.feeds.largest)


@asynccontextmanager
async def obtained(
    context: Context,
    feed: Feed,
    fetching: Fetching,
    *,
    proof: Proof | None = None,
    tell: Tell = lambda arrived: None,
) -> AsyncIterator[Obtained]:
    """The list of a feed, for the time of the block. Raises SourceError."""
    if not feed.remote:
        path = context.settings.policies / feed.source
        await _prove(proof, _beside(path), path)
        yield Obtained(path)
        return
    directory = fetched_files.directory_of(context.settings.state_dir, feed.id)
    with ExitStack() as stack:
        try:
            draft = stack.enter_context(fetched_files.drafting(directory, confidential=feed.confidential))
        except OSError as error:
            message = f"{directory} cannot be written: {error.strerror}; make room below state_dir"
            raise SourceError(message) from error
        async with fetching.at_once:
            got = await _Servers(context, feed, fetching, proof, tell, draft).first()
        yield got


@dataclass(frozen=True, slots=True)
class _Servers:
    """The servers of one feed, asked one after the other."""

    context: Context
    feed: Feed
    fetching: Fetching
    proof: Proof | None
    tell: Tell
    draft: Draft

    async def first(self) -> Obtained:
        """The list of the first server that gives it. Raises NotObtainedError."""
        failures: list[FetchError | SourceError] = []
        try:
            async with asyncio.timeout(LONGEST), self._client() as client:
                for address in (self.feed.source, *self.feed.mirrors):
                    try:
                        return self._with_failures(await self._from(client, address), failures)
                    except (FetchError, SourceError) as error:
                        failures.append(error)
        except TimeoutError:
            failures.append(FetchError(Failure.TIMEOUT, server_of(self.feed.source), f"{LONGEST:g} s"))
        now = float(self.context.clock())
        gone = all(isinstance(each, FetchError) and each.failure is Failure.GONE for each in failures)
        texts = tuple(map(str, failures))
        raise NotObtainedError(
            FeedFetch(self.feed.id, now, failures=texts, gone_since=now if gone else 0.0)
        ) from None

    def _with_failures(self, got: Obtained, failures: list[FetchError | SourceError]) -> Obtained:
        if got.record is None or not failures:
            return got
        return replace(got, record=replace(got.record, failures=tuple(map(str, failures))))

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

    async def _from(self, client: Client, address: str) -> Obtained:
        """The list of one address; once more, whole, where it is not the one that was proven: it may have
        been changed between the two. Raises FetchError and SourceError."""
        kept = await asyncio.to_thread(self._kept, address)
        try:
            return await self._proven(client, address, kept)
        except SourceError:
            return await self._proven(client, address, None)

    async def _proven(self, client: Client, address: str, kept: fetched_files.Kept | None) -> Obtained:
        companion = _companion(client, address)
        if self.proof is not None:
            await self.proof.prepare(companion)
        validators = kept.validators if kept is not None else None
        reply = await client.get(address, self.draft.file, validators, self.tell)
        path = self.draft.path if reply.modified or kept is None else kept.path
        if self.proof is not None:
            await asyncio.to_thread(self.proof.check, path)
        now = float(self.context.clock())
        record = FeedFetch(self.feed.id, now, reply.host, now, reply.modified)
        return Obtained(path, reply.modified, record, lambda: self._remember(address, reply))

    def _kept(self, address: str) -> fetched_files.Kept | None:
        """What the address gave last, unless it is so old that it is fetched whole again."""
        found = fetched_files.kept(self.context.settings.state_dir, self.feed, address)
        if found is None or not 0 <= self.context.clock() - found.at < FULL_AFTER:
            return None
        return found

    def _remember(self, address: str, reply: Reply) -> None:
        if self.feed.confidential:
            return
        try:
            if reply.modified:
                fetched_files.keep(self.draft, self.feed, address, reply, float(self.context.clock()))
            else:
                fetched_files.note_entry(self.context.settings.state_dir, self.feed)
        except OSError:
            return  # the list was taken: it is only fetched whole the next time


async def _prove(proof: Proof | None, companion: Companion, path: Path) -> None:
    if proof is not None:
        await proof.prepare(companion)
        await asyncio.to_thread(proof.check, path)


def _beside(path: Path) -> Companion:
    """The companions of a file that lies here."""

    def read(ending: str) -> bytes:
        beside = path.with_name(path.name + ending)
        try:
            with beside.open("rb") as file:
                content = file.read(COMPANION_SIZE + 1)
        except OSError as error:
            message = f"{beside} cannot be read: {error.strerror or error}"
            raise SourceError(message) from error
        if len(content) > COMPANION_SIZE:
            message = f"{beside} is larger than {COMPANION_SIZE} bytes"
            raise SourceError(message)
        return content

    return lambda ending: asyncio.to_thread(read, ending)


def _companion(client: Client, address: str) -> Companion:
    """The companions of a list at a server; a query goes along."""
    small = replace(client, limits=replace(client.limits, size=COMPANION_SIZE))

    async def get(ending: str) -> bytes:
        parts = urlsplit(address)
        sink = BytesIO()
        try:
            await small.get(urlunsplit(parts._replace(path=parts.path + ending)), sink, Validators())
        except FetchError as error:
            if error.failure is not Failure.GONE:
                raise
            message = f"{error.host}: the list has no file beside it that ends in {ending}; tell its operator"
            raise SourceError(message) from None
        return sink.getvalue()

    return get
