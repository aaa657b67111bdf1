"""Speaks with a platform of tickets: signs in, gets answers and sends replies, over one verified TLS host.

Redirects are not followed, cookies and the environment have no part in it, each answer is bounded, and the
password is read from its file at each login. A token that has expired is renewed once, then the login is
done anew; it is kept in memory alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from filterd import __version__
from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.hosts import HeldAddresses, literal
from filterd.fetch.known_login import KnownLogin, LoginTokens
from filterd.fetch.request import Lookup
from filterd.fetch.secrets import SecretError, Secrets
from filterd.fetch.tls import client_context
from filterd.fetch.troubles import failure_of, failure_of_status

LOGIN = "/api/v1/authentication/login"
REFRESH = "/api/v1/authentication/refresh"
_LARGEST = 32 << 20
"""bytes of an answer"""
_UNAUTHORISED = (401, 403)


@dataclass(frozen=True, slots=True)
class PlatformAccount:
    """The way to a platform. ``url`` is https; ``password_file`` as :class:`Secrets` has it."""

    url: str
    account: str
    password_file: str
    ca: Path | None = None
    """None: the system's authorities"""
    timeout: float = 30.0
    """seconds for one request with its answer"""


class Platform:
    """Connections to one platform, for as long as the block lasts. ``read_tokens`` reads the answer to a
    login, and raises ValueError. Each call raises FetchError; nothing that the server sent is in it."""

    def __init__(
        self,
        account: PlatformAccount,
        secrets: Secrets,
        lookup: Lookup,
        read_tokens: Callable[[bytes], LoginTokens],
        known: KnownLogin | None = None,
    ) -> None:
        self._account = account
        self._secrets = secrets
        self._lookup = lookup
        self._read_tokens = read_tokens
        self._known = KnownLogin() if known is None else known
        self._base = URL(account.url.rstrip("/"))
        self._session: aiohttp.ClientSession | None = None

    @property
    def host(self) -> str:
        """The platform's host, for what people read."""
        return self._base.host or ""

    async def __aenter__(self) -> Self:
        try:
            tls = await asyncio.to_thread(client_context, self._account.ca)
        except OSError as error:
            raise FetchError(FetchFailure.CA, self.host, error.strerror or "") from None
        host = self._base.raw_host or ""
        held = HeldAddresses({host: await self._addresses(host)})
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=held, use_dns_cache=False, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=self._account.timeout),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"filterd/{__version__}", "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """The answer to a question. ``body``: sent with it as JSON, as this shape of API has it."""
        return await self._signed_in("GET", path, body)

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The answer to a reply of ours."""
        return await self._signed_in("POST", path, body)

    async def _signed_in(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        """With a token that is known; refused, with a renewed one; refused again, after a login."""
        for sign_in in (self._kept, self._renewed, self._logged_in):
            tokens = await sign_in()
            if tokens is None:
                continue
            self._known.tokens = tokens
            status, content = await self._send(method, path, body, tokens.access)
            if status not in _UNAUTHORISED:
                return self._good(status, content)
        self._known.tokens = None
        raise FetchError(FetchFailure.LOGIN, self.host, str(status))

    async def _kept(self) -> LoginTokens | None:
        return self._known.tokens

    async def _renewed(self) -> LoginTokens | None:
        known = self._known.tokens
        if known is None or not known.refresh:
            return None
        status, content = await self._send("POST", REFRESH, {"refresh_token": known.refresh})
        if status != 200:
            return None
        try:
            fresh = self._read_tokens(content)
        except ValueError:
            return None
        return fresh if fresh.refresh else _Renewed(fresh.access, known.refresh)

    async def _logged_in(self) -> LoginTokens:
        try:
            password = self._secrets.read(self._account.password_file)
        except SecretError as error:
            raise FetchError(FetchFailure.SECRET, self.host, str(error)) from None
        status, content = await self._send(
            "POST", LOGIN, {"email": self._account.account, "password": password}
        )
        if status in (400, *_UNAUTHORISED):
            raise FetchError(FetchFailure.LOGIN, self.host, str(status))
        try:
            return self._read_tokens(self._good(status, content))
        except ValueError:
            raise FetchError(FetchFailure.UNASKED, self.host, "no tokens") from None

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, token: str = ""
    ) -> tuple[int, bytes]:
        if self._session is None:
            message = "the platform is used outside of its block"
            raise RuntimeError(message)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        packed = None if body is None else json.dumps(body).encode()
        if packed is not None:
            headers["Content-Type"] = "application/json"
        url = self._base.joinpath(*(each for each in path.split("/") if each))
        try:
            async with self._session.request(
                method, url, data=packed, headers=headers, allow_redirects=False
            ) as response:
                return response.status, await self._body(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise failure_of(error, self.host) from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        pieces, size = [], 0
        async for piece in response.content.iter_chunked(1 << 16):
            size += len(piece)
            if size > _LARGEST:
                raise FetchError(FetchFailure.TOO_LARGE, self.host, f"more than {_LARGEST} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def _good(self, status: int, content: bytes) -> bytes:
        if status == 200:
            return content
        if 300 <= status < 400:
            raise FetchError(FetchFailure.REDIRECTS, self.host, str(status))
        raise failure_of_status(status, self.host, 0.0)

    async def _addresses(self, host: str) -> tuple[str, ...]:
        fixed = literal(host)
        if fixed is not None:
            return (fixed,)
        try:
            found = await self._lookup(host)
        except LookupError:
            raise FetchError(FetchFailure.NO_RESOLVER, host) from None
        if not found:
            raise FetchError(FetchFailure.NO_NAME, host)
        return found


@dataclass(frozen=True, slots=True)
class _Renewed:
    """A renewed access with the refresh token of before."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
