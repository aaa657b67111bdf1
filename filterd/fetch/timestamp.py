"""Asks a time-stamp authority over HTTP (RFC 3161 section 3.4). Only the query is sent and only the reply is
read; what the reply is worth, its reader finds out. Redirects are not followed, cookies and the environment
have no part in it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
from yarl import URL

from filterd import __version__
from filterd.fetch.failures import TimestampFetchError
from filterd.fetch.hosts import HeldAddresses, literal
from filterd.fetch.request import Lookup
from filterd.fetch.tls import client_context

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
LARGEST = 64 * 1024


async def post_query(url: str, query: bytes, ca: Path | None, patience: float, lookup: Lookup) -> bytes:
    """The reply (DER) to a query (DER). ``ca``: a PEM file of the server's authorities, None: the system's;
    ``patience``: seconds for all of it. Raises TimestampFetchError."""
    try:
        async with asyncio.timeout(patience):
            return await _post(URL(url), query, ca, lookup)
    except TimeoutError as error:
        msg = "no answer in time"
        raise TimestampFetchError(msg) from error
    except aiohttp.ClientConnectorCertificateError as error:
        msg = "the certificate of its server is not valid"
        raise TimestampFetchError(msg) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        msg = f"no connection ({type(error).__name__})"
        raise TimestampFetchError(msg) from error


async def _post(url: URL, query: bytes, ca: Path | None, lookup: Lookup) -> bytes:
    host = url.raw_host or ""
    context = await _context(url, ca)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=HeldAddresses({host: await _addresses(host, lookup)}),
            use_dns_cache=False,
            force_close=True,
        ),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    headers = {"Content-Type": QUERY_TYPE, "Accept": REPLY_TYPE, "User-Agent": f"filterd/{__version__}"}
    async with (
        session,
        session.post(url, data=query, headers=headers, allow_redirects=False, ssl=context) as response,
    ):
        if response.status != 200:
            msg = f"status {response.status}"
            raise TimestampFetchError(msg)
        reply = b""
        async for piece in response.content.iter_chunked(LARGEST):
            reply += piece
            if len(reply) > LARGEST:
                msg = f"its answer has more than {LARGEST} bytes"
                raise TimestampFetchError(msg)
        return reply


async def _context(url: URL, ca: Path | None) -> ssl.SSLContext | bool:
    if url.scheme != "https":
        return True
    try:
        return await asyncio.to_thread(client_context, ca)
    except OSError as error:
        msg = f"tls_ca cannot be read: {error.strerror or 'no certificate in it'}"
        raise TimestampFetchError(msg) from error


async def _addresses(host: str, lookup: Lookup) -> tuple[str, ...]:
    fixed = literal(host)
    if fixed is not None:
        return (fixed,)
    try:
        found = await lookup(host)
    except LookupError as error:
        msg = "no DNS server answered for its host"
        raise TimestampFetchError(msg) from error
    if not found:
        msg = "there is no such host"
        raise TimestampFetchError(msg)
    return found
