"""Posts signed messages to a receiver, by the scheme of Standard Webhooks: ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, an HMAC-SHA256 over id, time and body.

Redirects are not followed, cookies and the environment have no part in it, and of an answer only the status
and 4 kB are read.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from filterd import __version__
from filterd.fetch.hosts import HeldAddresses, literal
from filterd.fetch.request import Lookup
from filterd.fetch.tls import client_context
from filterd.fetch.webhook_messages import Answer, SignedMessage, signatures

_ANSWER = 4096
_GONE = 410
_REDIRECTS = range(300, 400)


class Poster:
    """Connections to one receiver, for as long as the block lasts. Raises OSError for a bad ``ca``."""

    def __init__(
        self, url: str, secrets: Sequence[bytes], ca: Path | None, timeout: float, lookup: Lookup
    ) -> None:
        self._url = URL(url)
        self._secrets = tuple(secrets)
        self._ca = ca
        self._timeout = timeout
        self._lookup = lookup
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | bool = True
        self._trouble = ""

    async def __aenter__(self) -> Self:
        host = self._url.raw_host or ""
        if self._url.scheme == "https":
            self._tls = await asyncio.to_thread(client_context, self._ca)
        found = await self._addresses(host)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=HeldAddresses({host: found}), use_dns_cache=False),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def _addresses(self, host: str) -> tuple[str, ...]:
        fixed = literal(host)
        if fixed is not None:
            return (fixed,)
        try:
            found = await self._lookup(host)
        except LookupError:
            self._trouble = "no DNS server answered for its host"
            return ()
        self._trouble = "" if found else "there is no such host"
        return found

    async def post(self, message: SignedMessage, now: float) -> Answer:
        """Send a message once. Never raises for what the receiver or the network does."""
        if self._trouble or self._session is None:
            return Answer(unreachable=True, trouble=self._trouble)
        timestamp = int(now)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"filterd/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(self._secrets, message.id, timestamp, message.body),
        }
        try:
            async with self._session.post(
                self._url, data=message.body, headers=headers, allow_redirects=False, ssl=self._tls
            ) as response:
                await response.content.read(_ANSWER)
                return _answer(response.status, response.headers.get("Retry-After", ""))
        except TimeoutError:
            return Answer(unreachable=True, trouble="no answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(unreachable=True, trouble=_words(error))


def _answer(status: int, retry_after: str) -> Answer:
    if 200 <= status < 300:
        return Answer(delivered=True)
    if status == _GONE:
        return Answer(gone=True, trouble="410: the receiver wants no more notices")
    wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    trouble = f"{status}: a redirect, which is not followed" if status in _REDIRECTS else f"status {status}"
    return Answer(unreachable=status == 429 or status >= 500, trouble=trouble, wait=min(wait, 86_400.0))


def _words(error: Exception) -> str:
    """A failure in words that hold nothing of what was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError):
        return "its certificate is not valid"
    if isinstance(error, aiohttp.ClientSSLError):
        return "no TLS connection came about"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.os_error.strerror or 'refused'}"[:120]
    return f"the connection broke ({type(error).__name__})"
