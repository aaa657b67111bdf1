"""Requests to an OpenID provider: JSON within limits of size and time, over TLS. Redirects, cookies and the
environment have no part in them.

::

    OpenidAnswerError(Exception)      the provider did not answer as it must; the message holds nothing secret
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from filterd import __version__
from filterd.fetch.hosts import HeldAddresses, literal
from filterd.fetch.request import Lookup
from filterd.fetch.tls import client_context

LARGEST = 256 * 1024
"""bytes of an answer"""
SECONDS = 5.0
"""for one request with its answer"""
_LOOPBACK = ("127.0.0.1", "::1")


class OpenidAnswerError(Exception):
    """The provider did not answer as it must."""


@dataclass(frozen=True, slots=True)
class OpenidClient:
    """Asks the servers of one provider."""

    ca: Path | None
    """None: the system's authorities"""
    lookup: Lookup

    async def get(self, address: str) -> dict[str, Any]:
        """The object of JSON at an address. Raises OpenidAnswerError."""
        return await self._ask("GET", address)

    async def post(
        self, address: str, form: Mapping[str, str], login: tuple[str, str] | None
    ) -> dict[str, Any]:
        """The object of JSON that answers a form. ``login``: client id and secret, as RFC 6749 §2.3.1 sends
        them. Raises OpenidAnswerError."""
        return await self._ask("POST", address, form, login)

    async def _ask(
        self,
        method: str,
        address: str,
        form: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        url = _url(address)
        headers = {"Accept": "application/json", "User-Agent": f"filterd/{__version__}"}
        if login is not None:
            pair = base64.b64encode(":".join(login).encode()).decode("ascii")
            headers["Authorization"] = f"Basic {pair}"
        try:
            async with asyncio.timeout(SECONDS):
                tls = await asyncio.to_thread(client_context, self.ca) if url.scheme == "https" else True
                async with self._session(await self._addresses(url)) as session:
                    return await self._receive(session, method, url, tls, headers, form)
        except TimeoutError:
            raise _failed(url, f"no answer within {SECONDS:.0f} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as error:
            raise _failed(url, type(error).__name__) from None

    async def _receive(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        tls: ssl.SSLContext | bool,
        headers: dict[str, str],
        form: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        async with session.request(
            method, url, data=form, headers=headers, allow_redirects=False, ssl=tls
        ) as response:
            if response.status != 200:
                raise _failed(url, f"status {response.status}")
            content = bytearray()
            async for piece in response.content.iter_chunked(1 << 14):
                content += piece
                if len(content) > LARGEST:
                    raise _failed(url, f"more than {LARGEST} bytes")
        try:
            found = json.loads(bytes(content))
        except RecursionError:  # thousands of brackets, one in another
            raise _failed(url, "JSON nested too deeply") from None
        if not isinstance(found, dict):
            raise _failed(url, "no object of JSON")
        return found

    def _session(self, addresses: dict[str, tuple[str, ...]]) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=HeldAddresses(addresses), use_dns_cache=False, force_close=True
        )
        return aiohttp.ClientSession(
            connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )

    async def _addresses(self, url: URL) -> dict[str, tuple[str, ...]]:
        host = url.raw_host or ""
        fixed = literal(host)
        return {host: (fixed,) if fixed is not None else await self.lookup(host)}


def _url(address: str) -> URL:
    """The address, which is https, or http on loopback. Raises OpenidAnswerError."""
    try:
        url = URL(address)
    except ValueError:
        message = "an address of the OpenID provider cannot be read"
        raise OpenidAnswerError(message) from None
    if url.scheme != "https" and (url.scheme, url.host in _LOOPBACK) != ("http", True):
        raise _failed(url, "not an https:// address")
    return url


def _failed(url: URL, why: str) -> OpenidAnswerError:
    return OpenidAnswerError(f"{url.host}: {why}")
