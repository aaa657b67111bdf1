"""The documents of the OpenID provider, kept for an hour, and the sign-ins that were finished."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from filterd.config.portal_settings import OpenidSettings
from filterd.fetch.openid import OpenidAnswerError, OpenidClient
from filterd.operations.errors import NotReachedError
from filterd.operations.portal.refusals import TooManyTriesError

KEPT = 3_600.0
"""seconds after which documents are fetched anew"""
PAUSE = 30.0
"""seconds until a provider that failed is asked again, and between two looks for a key that is not known"""
AT_WORK, MOST_WAITING = 8, 32
"""sign-ins that speak with the provider at one time, and those that wait"""
MOST_USED = 10_000
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(slots=True)
class _Kept:
    """A document, and the failure to get it anew."""

    values: dict[str, Any] | None = None
    at: float = -KEPT
    trouble: str = ""
    tried_at: float = -KEPT
    """of the failure"""


@dataclass(slots=True)
class OpenidState:
    """Owned by one event loop."""

    _documents: dict[str, _Kept] = field(default_factory=dict)
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_WORK))
    _waiting: int = 0
    _used: OrderedDict[str, float] = field(default_factory=OrderedDict)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the turns at which the provider is spoken with. Raises TooManyTriesError."""
        if self._waiting >= MOST_WAITING:
            raise TooManyTriesError(1.0)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def metadata(self, client: OpenidClient, settings: OpenidSettings, now: float) -> dict[str, Any]:
        """The provider's discovery document (Discovery 1.0 §4). Raises NotReachedError."""
        from authlib.oidc.discovery import get_well_known_url

        found = await self._get(client, get_well_known_url(settings.issuer, external=True), now, KEPT)
        missing = [each for each in _NEEDED if not isinstance(found.get(each), str)]
        if found.get("issuer") != settings.issuer or missing:
            message = "the discovery document of the OpenID provider is of another issuer, or not complete"
            raise NotReachedError(
                message, "see web.portal.openid.issuer: it is written as that document has it"
            )
        return found

    async def keys(self, client: OpenidClient, address: str, now: float, kid: str) -> dict[str, Any]:
        """The provider's keys; anew where the one named ``kid`` is not among those kept. Raises
        NotReachedError."""
        found = await self._get(client, address, now, KEPT)
        listed = found.get("keys")
        known = isinstance(listed, list) and any(
            isinstance(each, dict) and each.get("kid") == kid for each in listed
        )
        return found if known else await self._get(client, address, now, PAUSE)

    async def _get(self, client: OpenidClient, address: str, now: float, oldest: float) -> dict[str, Any]:
        async with self._fetching:
            kept = self._documents.get(address, _Kept())
            if kept.values is not None and 0 <= now - kept.at < oldest:
                return kept.values
            if kept.trouble and 0 <= now - kept.tried_at < PAUSE:
                raise _not_reached(kept.trouble)
            try:
                found = await client.get(address)
            except OpenidAnswerError as error:
                self._documents[address] = _Kept(kept.values, kept.at, str(error), now)
                raise _not_reached(str(error)) from None
            self._documents[address] = _Kept(found, now)
            return found

    def use(self, state: str, until: float, now: float) -> bool:
        """Note that a sign-in comes to its end. False: it did before."""
        while self._used and (len(self._used) >= MOST_USED or next(iter(self._used.values())) <= now):
            self._used.popitem(last=False)
        if state in self._used:
            return False
        self._used[state] = until
        return True


def _not_reached(trouble: str) -> NotReachedError:
    message = f"the OpenID provider does not answer as it must: {trouble}"
    return NotReachedError(message, "try again in a minute; another way in is a link of the provider")
