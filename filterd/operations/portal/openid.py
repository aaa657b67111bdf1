"""Signing in with the provider's own account, by OpenID Connect (Core 1.0): code flow, PKCE (RFC 7636)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from filterd.operations.context import Context
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PortalState

CALLBACK = "/portal/openid"
"""the path of the page to which the provider sends the browser back"""


@dataclass(frozen=True, slots=True)
class OpenidStart:
    """The begin of a sign-in: send the browser to ``url`` and keep ``cookie`` there for ten minutes
    (HttpOnly, Secure, SameSite=Lax)."""

    url: str
    cookie: str = field(repr=False)


def offered(context: Context) -> bool:
    """Whether ``web.portal.openid`` is configured."""
    raise NotImplementedError


async def begin(portal: PortalState, context: Context) -> OpenidStart:
    """Begin a sign-in. Raises NotReachedError where the provider does not answer as it must."""
    raise NotImplementedError


async def finish(
    portal: PortalState, context: Context, cookie: str, query: Mapping[str, str], *, previous: str = ""
) -> SignedIn:
    """Finish it: ``query`` is that of the browser's return to :data:`CALLBACK`, ``cookie`` that of
    :func:`begin`. Raises SignInRefusedError (forged, expired, repeated, no line), NotReachedError."""
    raise NotImplementedError
