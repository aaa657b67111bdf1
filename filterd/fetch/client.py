"""Fetches one file from one address: tries, redirects, one request at a time.

Each request has a session of its own, with the addresses of its host found before by our own lookup. The
system's resolver, which may be filterd itself, has no part in it, nor have cookies and the environment.
"""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from filterd import __version__
from filterd.fetch.body import Body
from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.hosts import HeldAddresses, held_socket, is_numeric, leads_inward, literal
from filterd.fetch.request import Access, Limits, ListReply, Lookup, Sink, Tell, Validators
from filterd.fetch.secrets import SecretError
from filterd.fetch.tls import client_context
from filterd.fetch.troubles import failure_of, failure_of_status
from filterd.policy.feed_documents import BasicLogin, HeaderLogin

if TYPE_CHECKING:
    import ssl

_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 1 << 18
_LONGEST_VALIDATOR = 512
_GZIP = ("gzip", "x-gzip")


@dataclass(frozen=True, slots=True)
class _Hop:
    """One address on the way to a list."""

    url: URL
    addresses: tuple[str, ...]
    """of its host; empty where a proxy finds them"""

    @property
    def host(self) -> str:
        return self.url.host or ""


@dataclass(frozen=True, slots=True)
class Client:
    """Fetches from the servers of one feed. ``chance`` gives numbers from 0 to 1."""

    access: Access
    limits: Limits
    lookup: Lookup
    chance: Callable[[], float]
    sleep: Callable[[float], Any] = asyncio.sleep

    async def get(
        self,
        address: str,
        sink: Sink,
        validators: Validators | None = None,
        tell: Tell = lambda arrived: None,
    ) -> ListReply:
        """Write the content at an address into the sink, after as many attempts as make sense. Raises
        FetchError: that of the last attempt."""
        attempt = 0
        while True:
            attempt += 1
            sink.seek(0)
            sink.truncate()
            try:
                return await self._attempt(URL(address), sink, validators or Validators(), tell)
            except FetchError as error:
                if not error.failure.transient or attempt >= self.limits.attempts:
                    raise
                await self.sleep(self._wait(attempt, error.wait))

    def _wait(self, attempt: int, asked: float) -> float:
        """Seconds until the next attempt: by chance, so that those who failed together do not come back
        together; the longest doubles with each attempt."""
        longest: float = min(self.limits.back_off * 2.0 ** (attempt - 1), self.limits.longest_wait)
        return min(max(asked, self.chance() * longest), self.limits.longest_wait)

    async def _attempt(self, url: URL, sink: Sink, validators: Validators, tell: Tell) -> ListReply:
        """One way through all redirects."""
        first = hop = await self._hop(url)
        for _ in range(self.limits.redirects + 1):
            try:
                async with asyncio.timeout(self.limits.total):
                    found = await self._ask(first, hop, sink, validators, tell)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise failure_of(error, hop.host) from None
            if isinstance(found, ListReply):
                return found
            target = await self._hop(found, before=hop)
            if leads_inward(hop.addresses, target.addresses):
                raise FetchError(FetchFailure.INWARD, hop.host)
            hop = target
        raise FetchError(FetchFailure.REDIRECTS, hop.host, f"{self.limits.redirects} times")

    async def _hop(self, url: URL, before: _Hop | None = None) -> _Hop:
        """An address with those of its host. Raises FetchError where it is none to ask."""
        host = url.raw_host
        if url.scheme != "https" or not host:
            failure = FetchFailure.NO_TARGET if url.scheme not in {"http", "ftp"} else FetchFailure.NOT_HTTPS
            raise FetchError(failure, before.host if before else url.host or "")
        fixed = literal(host)
        if fixed is not None:
            return _Hop(url, (fixed,))
        if is_numeric(host):
            raise FetchError(FetchFailure.NO_TARGET, before.host if before else host)
        if self.access.proxy is not None:
            local = host.rstrip(".").rpartition(".")[2] == "localhost"  # RFC 6761 §6.3
            return _Hop(url, ("127.0.0.1",) if local else ())
        return _Hop(url, await self._addresses(host))

    async def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            found = await self.lookup(host)
        except LookupError:
            raise FetchError(FetchFailure.NO_RESOLVER, host) from None
        if not found:
            raise FetchError(FetchFailure.NO_NAME, host)
        return found

    async def _ask(
        self, first: _Hop, hop: _Hop, sink: Sink, validators: Validators, tell: Tell
    ) -> ListReply | URL:
        """Send one request: its answer, or the address that it leads on to."""
        known = hop.url.origin() == first.url.origin()
        context = await self._context(hop, known=known)
        held = await self._held(hop)
        connector = aiohttp.TCPConnector(
            resolver=HeldAddresses(held),
            socket_factory=held_socket([each for found in held.values() for each in found]),
            use_dns_cache=False,
            force_close=True,
        )
        timeout = aiohttp.ClientTimeout(sock_connect=self.limits.connect, sock_read=self.limits.stall)
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.get(
                hop.url,
                headers=self._headers(hop, validators, known=known),
                allow_redirects=False,
                ssl=context,
                proxy=self.access.proxy,
            ) as response,
        ):
            return await self._answer(response, hop, sink, validators, tell)

    async def _held(self, hop: _Hop) -> dict[str, tuple[str, ...]]:
        """The addresses of the host that a connection is made to: the server, or the proxy."""
        if self.access.proxy is None:
            return {hop.url.raw_host or "": hop.addresses}
        host = URL(self.access.proxy).raw_host or ""
        return {host: (literal(host) or "",) if literal(host) else await self._addresses(host)}

    async def _context(self, hop: _Hop, *, known: bool) -> ssl.SSLContext:
        """TLS for a hop; a client certificate is for the server that the entry names alone."""
        access, login = self.access, self.access.login if known else None
        try:
            return await asyncio.to_thread(client_context, access.ca, access.pins, login, access.secrets)
        except SecretError as error:
            raise FetchError(FetchFailure.SECRET, hop.host, str(error)) from None
        except OSError as error:
            raise FetchError(FetchFailure.CA, hop.host, error.strerror or "no certificate in it") from None

    def _headers(self, hop: _Hop, validators: Validators, *, known: bool) -> dict[str, str]:
        headers = {"User-Agent": f"filterd/{__version__}", "Accept-Encoding": "gzip", "Accept": "*/*"}
        if validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        if known:
            try:
                headers.update(self._login())
            except SecretError as error:
                raise FetchError(FetchFailure.SECRET, hop.host, str(error)) from None
        return headers

    def _login(self) -> dict[str, str]:
        """The header of the login, its secret read now. Raises SecretError."""
        login, secrets = self.access.login, self.access.secrets
        if isinstance(login, HeaderLogin):
            return {login.name: secrets.read(login.value_file)}
        if isinstance(login, BasicLogin):
            pair = f"{login.user}:{secrets.read(login.password_file)}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        return {}

    async def _answer(
        self, response: aiohttp.ClientResponse, hop: _Hop, sink: Sink, validators: Validators, tell: Tell
    ) -> ListReply | URL:
        status = response.status
        if status in _REDIRECTS:
            return _target(response, hop)
        if status == 304 and validators:
            return ListReply(hop.host, modified=False, validators=validators, size=0, digest="")
        if status != 200:
            raise failure_of_status(status, hop.host, _seconds(response.headers.get("Retry-After", "")))
        body = Body(sink, hop.host, self.limits.size, gzipped=_is_gzipped(response, hop))
        _require_length(response, hop, self.limits.size)
        await self._receive(response, body, tell)
        digest = await asyncio.to_thread(body.end)
        marks = Validators(_mark(response, "ETag"), _mark(response, "Last-Modified"))
        return ListReply(hop.host, modified=True, validators=marks, size=body.written, digest=digest)

    async def _receive(self, response: aiohttp.ClientResponse, body: Body, tell: Tell) -> None:
        """Take the content piece by piece, in a thread: disk and unpacking keep nobody waiting."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        async for piece in response.content.iter_chunked(_PIECE):
            await asyncio.to_thread(body.take, piece)
            tell(body.arrived)
            lasted = clock() - begun
            if lasted > self.limits.patience and body.arrived < lasted * self.limits.slowest:
                host = response.url.host or ""
                raise FetchError(
                    FetchFailure.TIMEOUT, host, f"less than {self.limits.slowest} bytes a second"
                )


def _target(response: aiohttp.ClientResponse, hop: _Hop) -> URL:
    """The address that an answer leads on to."""
    location = response.headers.get("Location", "")
    try:
        return hop.url.join(URL(location, encoded=location.isascii() and " " not in location))
    except ValueError:
        raise FetchError(FetchFailure.NO_TARGET, hop.host) from None


def _is_gzipped(response: aiohttp.ClientResponse, hop: _Hop) -> bool:
    """True if the content is packed as we offered. Raises FetchError for what we did not offer."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return False
    if coding in _GZIP:
        return True
    raise FetchError(FetchFailure.UNASKED, hop.host, "an encoding that was not offered")


def _require_length(response: aiohttp.ClientResponse, hop: _Hop, limit: int) -> None:
    """Refuse what could be cut without anybody noticing, and what is announced as too large."""
    length = response.content_length
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if length is None and not chunked:
        raise FetchError(FetchFailure.NO_LENGTH, hop.host)
    if length is not None and length > limit:
        raise FetchError(FetchFailure.TOO_LARGE, hop.host, f"{length} bytes, of {limit}")


def _mark(response: aiohttp.ClientResponse, header: str) -> str:
    """A validator as it was sent; empty where it cannot be sent back."""
    text = response.headers.get(header, "").strip()
    return text if text.isascii() and text.isprintable() and len(text) <= _LONGEST_VALIDATOR else ""


def _seconds(text: str) -> float:
    """The seconds of a Retry-After header; a date in it counts as nothing said."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) and found > 0 else 0.0
